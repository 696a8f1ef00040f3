"""What the answers of a round were like: their length, their grades and what groups tell."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from simctl.bus.answers import ActionTaken, AttemptMade, Spoken
from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded

_SAME = 1e-6  # rewards closer than this are the same reward
_ERROR = "error"  # the part by which a verifier says that it could not grade
_LABELS = ("vote", "judged")  # parts that are taken for the truth where nobody may know it
_HALF = 0.5
_BINS = (("0-25", 0.25), ("25-50", 0.5), ("50-75", 0.75), ("75-100", 1.0))


class Graded(NamedTuple):
    """An answer with its grade."""

    answer: Event
    grade: AnswerGraded

    @property
    def correct(self) -> bool:
        """Whether the verifier finds it right."""
        return self.grade.parts.get("correct", self.grade.reward) >= 1


def graded(events: Iterable[Event]) -> list[Graded]:
    """Return the answers of roles that were graded, in the order of the grades."""
    said: dict[int, Event] = {}
    found = []
    for event in events:
        if event.sender in ROLES:
            said[event.seq] = event
        elif isinstance(event.message, AnswerGraded) and event.message.of in said:
            found.append(Graded(said[event.message.of], event.message))
    return found


def spoken(events: Iterable[Event]) -> dict[str, float]:
    """Return length in tokens and the share that was cut off, by role."""
    lengths: dict[str, list[int]] = defaultdict(list)
    cut: dict[str, list[bool]] = defaultdict(list)
    for event in events:
        if event.sender in ROLES and event.utterance is not None and event.utterance.tokens:
            lengths[event.sender].append(len(event.utterance.tokens))
            message = event.message
            cut[event.sender].append(isinstance(message, Spoken) and message.truncated)
    metrics = {f"completions/{role}/mean_length": fmean(each) for role, each in lengths.items()}
    return metrics | {f"completions/{role}/clipped_ratio": fmean(x) for role, x in cut.items()}


def rewarded(answers: Sequence[Graded]) -> dict[str, float]:
    """Return what each role earned, its parts apart, and how many of its groups tell nothing.

    A group is what answers one ask; where an ask has one answer, a role's answers of one kind.
    """
    metrics: dict[str, float] = {}
    for role in dict.fromkeys(each.grade.role for each in answers):
        own = [each for each in answers if each.grade.role == role]
        rewards = [each.grade.reward for each in own]
        groups = _groups(own)
        metrics |= {
            f"reward/{role}/mean": fmean(rewards),
            f"reward/{role}/std": stdev(rewards) if len(rewards) > 1 else 0.0,
            f"groups/{role}": float(len(groups)),
            f"frac_reward_zero_std/{role}": fmean(max(g) - min(g) <= _SAME for g in groups),
        }
        parts: dict[str, list[float]] = defaultdict(list)
        for each in own:
            for part, value in each.grade.parts.items():
                parts[part].append(value)
        metrics |= {f"rewards/{role}/{part}/mean": fmean(x) for part, x in parts.items()}
    return metrics


def solved(answers: Iterable[Graded]) -> dict[str, float]:
    """Return the mean of the tasks' solve rates s, and the shares of tasks by s.

    Counted are first attempts without a hint, and exchanges by their first action.
    """
    marks: dict[int, list[bool]] = defaultdict(list)
    for each in answers:
        message = each.answer.message
        alone = isinstance(message, AttemptMade) and not message.hint
        if alone or (isinstance(message, ActionTaken) and message.turn == 1):
            marks[each.grade.task].append(each.correct)
    rates = [fmean(each) for each in marks.values()]
    if not rates:
        return {}
    metrics = {"solve_rate/mean": fmean(rates), "solve_rate/0": fmean(s == 0 for s in rates)}
    low = 0.0
    for name, high in _BINS:
        within = [low < s <= high and s < 1 for s in rates]
        metrics[f"solve_rate/{name}"], low = fmean(within), high
    return metrics | {"solve_rate/100": fmean(s == 1 for s in rates)}


def labelled(answers: Iterable[Graded]) -> dict[str, float]:
    """Return how often a label that is no truth agrees with the verifier, as a share.

    That is the gold slice: grades whose reward is a vote or a judgement, with `correct` beside it.
    """
    agree = [
        (each.grade.parts[label] > _HALF) == each.correct
        for each in answers
        for label in _LABELS
        if label in each.grade.parts and "correct" in each.grade.parts
    ]
    return {"labels/count": float(len(agree)), "labels/accuracy": fmean(agree)} if agree else {}


def errors(answers: Iterable[Graded]) -> list[bool]:
    """Return for each grade whether its verifier failed."""
    return [each.grade.parts.get(_ERROR, 0.0) > 0 for each in answers]


def _groups(answers: Sequence[Graded]) -> list[list[float]]:
    asked: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for each in answers:
        asked[each.answer.kind, each.answer.cause].append(each.grade.reward)
    groups: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for (kind, cause), rewards in asked.items():
        groups[kind, cause if len(rewards) > 1 else None].extend(rewards)
    return list(groups.values())
