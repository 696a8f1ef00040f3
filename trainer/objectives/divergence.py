"""Divergence: learn, token by token, what the same policy would say with a privileged view.

On-policy self-distillation (OPSD, Zhao et al. 2026, 2601.18734, eq. 6; SDPO, 2601.20802, eq. 1;
SDFT, 2601.19897): the student's own answer stays, and at each of its tokens the student's
distribution is drawn to the teacher's, which saw a reference or a critique. No gradient flows
through the teacher.

The three of (answer, prompt of the student, prompt of the teacher) are free. On the teacher's own
solutions (`roles` teacher), pi-Distill (2602.04942) is `context` bare with `teacher` own, forward:
KL(sg pi_T || pi_S); and `context` own with `teacher` bare, reverse: KL(pi_T || sg pi_S). With
`teacher` base the answers are anchored to the run's first version, as SCoRe's first turn is
(2409.12917).
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.bus.asks import Role, View
from simctl.trainer.context import NO_PROMPT, NoBarePromptError, Rendering, bare_prompt, own
from simctl.trainer.links import Links
from simctl.trainer.objective import Contextual, drop, sample
from simctl.trainer.sample import Divergence, Dropped, Sample
from simctl.trainer.trajectory import Group, Lesson, Trajectory


class Distil(Contextual):
    """Draws answers to the teacher's view of them."""

    kind: Literal["divergence"] = "divergence"
    roles: tuple[Role, ...] = Field(
        default=("solver",), min_length=1, description="whose answers train; others are left alone"
    )
    teacher: Literal["lesson", "own", "bare", "base"] = Field(
        default="lesson",
        description="what the teacher sees: a lesson on the answer, the prompt that the answer was "
        "given to, or the bare one; or base: the run's first version, that sees what the student "
        "does",
    )
    direction: Literal["forward", "reverse", "jsd", "cross_entropy"] = Field(
        default="forward",
        description="KL(teacher||student), KL(student||teacher), between, or the cross-entropy of "
        "the student under the teacher",
    )
    beta: float = Field(default=0.5, gt=0, lt=1, description="share of the teacher in jsd's middle")
    top_k: int = Field(
        default=0, ge=0, description="compare the k likeliest tokens and the rest as one; 0 for all"
    )
    support: Literal["own", "student", "teacher", "both"] = Field(
        default="own", description="whose k likeliest tokens; own: as suits the direction"
    )
    tail: Literal["bucket", "renormalise", "none"] = Field(
        default="bucket",
        description="the rest counts as one token, is divided out, or is forgotten, which is "
        "biased",
    )
    stop_gradient: bool = Field(
        default=False, description="reverse: the log-ratio is a constant, which mends the bias"
    )
    clip: float | None = Field(
        default=None, gt=0, description="most that a token may add to the loss; none for no bound"
    )
    estimator: Literal["full", "sampled", "k3"] = Field(
        default="full", description="over the vocabulary, or at the sampled token only"
    )
    ratio: bool = Field(
        default=False, description="sampled: multiply by the ratio of student to sampler"
    )
    band_of_ratio: float | None = Field(
        default=None, ge=0, description="sampled: a token whose probability fell by more rests"
    )
    ratio_penalty: float = Field(
        default=0.0, ge=0, description="sampled: factor of the squared log-ratio that is added"
    )
    skip_first: int = Field(default=0, ge=0, description="first tokens of an answer that rest")
    future: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="discount at which a token answers for later divergence (DistIL); 0 for not",
    )
    baseline: bool = Field(
        default=False, description="future: less the mean divergence up to the token"
    )
    views: tuple[View, ...] = Field(
        default=("reference", "critique"), min_length=1, description="the lessons that teach"
    )
    only: Literal["all", "failed", "right"] = Field(
        default="all", description="teach on all answers, or only on those that failed or did not"
    )
    lesson_threshold: float | None = Field(
        default=None,
        description="a lesson whose own solution earned less does not teach; none for all teach",
    )

    @property
    def taught(self) -> bool:
        """Whether its samples need the weights of a teacher; the first version is no such one."""
        return self.teacher != "base"

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every answer that is taught, and for each of its lessons."""
        for told in (each for group in groups for each in group.trajectories):
            reason = self._refused(told)
            if reason:
                yield from drop(reason, [told])
            else:
                yield from self._taught(told, links)

    def _refused(self, told: Trajectory) -> str:
        if self.only != "all" and told.reward is None:
            return "no grade"
        right = (told.reward or 0.0) >= self.threshold
        if self.only == "failed" and right:
            return "did not fail"
        if self.only == "right" and not right:
            return "below threshold"
        if self.teacher != "lesson":
            return ""
        if not any(lesson.view in self.views for lesson in told.lessons):
            return "no lesson"
        return "" if any(map(self._teaches, told.lessons)) else "failed lesson"

    def _teaches(self, lesson: Lesson) -> bool:
        if lesson.view not in self.views:
            return False
        if self.lesson_threshold is None or not lesson.spoken:
            return True
        return lesson.reward is not None and lesson.reward >= self.lesson_threshold

    def _taught(self, told: Trajectory, links: Links) -> Iterator[Sample | Dropped]:
        try:
            rendering, teachers = self.render(told, links), self._teachers(told, links)
        except NoBarePromptError:
            yield from drop(NO_PROMPT, [told])
            return
        for prompt, source in teachers:
            yield sample(
                told,
                rendering,
                self.weight,
                self.loss,
                teacher_prompt=prompt,
                teacher_source=source,
            )

    def render(self, told: Trajectory, links: Links) -> Rendering:
        """Return an answer under the student's prompt.

        One that went on from a prefix has the prefix in it under either prompt.

        Raises:
            NoBarePromptError: the round has no such prompt.
        """
        return own(told) if told.sort == "continued" else super().render(told, links)

    def _teachers(
        self, told: Trajectory, links: Links
    ) -> list[tuple[tuple[int, ...] | None, int | None]]:
        """Return the prompts of the teacher, with the lessons that they come from."""
        match self.teacher:
            case "base":
                return [(None, None)]
            case "own":
                return [(told.prompt, None)]
            case "bare":
                return [(bare_prompt(told, links), None)]
            case "lesson":
                return [(each.prompt, each.source) for each in told.lessons if self._teaches(each)]

    @property
    def loss(self) -> Divergence:
        """The loss of all its samples."""
        return Divergence(
            direction=self.direction,
            beta=self.beta,
            top_k=self.top_k,
            support=self.support,
            tail=self.tail,
            stop_gradient=self.stop_gradient,
            clip=self.clip,
            estimator=self.estimator,
            ratio=self.ratio,
            band=self.band_of_ratio,
            ratio_penalty=self.ratio_penalty,
            skip_first=self.skip_first,
            future=self.future,
            baseline=self.baseline,
            against="base" if self.teacher == "base" else "teacher",
        )
