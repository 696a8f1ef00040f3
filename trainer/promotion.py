"""Promotion: whether the solver goes on from a copy that learnt a set of problems. Pure.

SOAR (2601.18778): where the mean gain of exams, as a moving average, is over a bound, the baseline
becomes the student that learnt the best set. That student was thrown away when it had sat its exam,
so the trainer takes its steps again, from the log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from simctl.bus.answers import ExamTaken
from simctl.bus.asks import SitExam
from simctl.bus.messages import CopyPromoted
from simctl.bus.order import as_asked
from simctl.trainer.sample import CrossEntropy, Sample
from simctl.trainer.settings import PromotionSettings
from simctl.trainer.trajectory import Heard, Trajectory

EXAMS = frozenset({"sit_exam", "exam_taken"})


@dataclass(frozen=True, slots=True)
class Studied:
    """An exam that a copy sat: event `of`, what it gained, and how it had learnt `sources`."""

    of: int
    gain: float
    sources: tuple[int, ...]
    steps: int
    learning_rate: float
    key: int


@dataclass(frozen=True, slots=True)
class Promotion:
    """The copy that sat `exam` is promoted, for gains that were `average` of late."""

    exam: Studied
    average: float

    def announce(self, version: int) -> CopyPromoted:
        """Return the message that says so of `version`."""
        return CopyPromoted(
            version=version,
            of=self.exam.of,
            gain=self.exam.gain,
            average=self.average,
            steps=self.exam.steps,
            sources=self.exam.sources,
        )

    def examples(self, told: Sequence[Trajectory]) -> list[Sample]:
        """Return what the copy learnt from, in its order and as the ids that were sampled."""
        said = {each.source: each for each in told}
        return [_example(said[source]) for source in self.exam.sources if source in said]


def studied(events: Iterable[Heard]) -> list[Studied]:
    """Return the exams of a round, by episode and then in order."""
    ordered = sorted(events, key=as_asked)
    taken = {e.cause: e.message for e in ordered if e.kind == "exam_taken"}
    found: list[Studied] = []
    for event in ordered:
        ask = event.message if event.kind == "sit_exam" else None
        result = taken.get(event.seq)
        if isinstance(ask, SitExam) and isinstance(result, ExamTaken) and result.key is not None:
            gain = result.after - result.before
            how = ask.steps, ask.learning_rate, result.key
            found.append(Studied(event.seq, gain, ask.of, *how))
    return found


def decide(
    settings: PromotionSettings, before: Sequence[float], exams: Sequence[Studied]
) -> tuple[tuple[float, ...], Promotion | None]:
    """Return the mean gains of the last rounds, with this one, and the promotion if it is time.

    `before` are those of earlier rounds since the last promotion; a round without exams adds none.
    Nothing is promoted before there are as many as the window has.
    """
    if not exams:
        return tuple(before), None
    gains = (*before, fmean(exam.gain for exam in exams))[-settings.window :]
    average = fmean(gains)
    if len(gains) < settings.window or average <= settings.threshold:
        return gains, None
    return (), Promotion(max(exams, key=lambda exam: exam.gain), average)


def _example(told: Trajectory) -> Sample:
    return Sample(
        role=told.role,
        policy_version=told.policy_version,
        source=told.source,
        prompt=told.prompt,
        tokens=told.tokens,
        logprobs=(),
        weights=(1.0,) * len(told.tokens),
        loss=CrossEntropy(),
    )
