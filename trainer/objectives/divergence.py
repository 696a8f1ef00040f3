"""Divergence: learn, token by token, what the same policy would say with a privileged view.

On-policy self-distillation (OPSD, Zhao et al. 2026, 2601.18734, eq. 6; SDPO, 2601.20802, eq. 1;
SDFT, 2601.19897): the student's own answer stays, and at each of its tokens the student's
distribution is drawn to the teacher's, which saw a reference or a critique. No gradient flows
through the teacher.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from simctl.bus.asks import Role, View
from simctl.trainer.objective import Objective, drop, sample
from simctl.trainer.sample import Divergence, Dropped, Sample
from simctl.trainer.trajectory import Group, Lesson, Trajectory


class Distil(Objective):
    """Draws answers to the teacher's view of them."""

    kind: Literal["divergence"] = "divergence"
    taught: ClassVar[bool] = True
    roles: tuple[Role, ...] = Field(
        default=("solver",), min_length=1, description="whose answers train; others are left alone"
    )
    direction: Literal["forward", "reverse", "jsd"] = Field(
        default="forward", description="KL(teacher||student), KL(student||teacher), or between"
    )
    beta: float = Field(default=0.5, gt=0, lt=1, description="share of the teacher in jsd's middle")
    top_k: int = Field(
        default=0, ge=0, description="compare the k likeliest tokens and the rest as one; 0 for all"
    )
    clip: float | None = Field(
        default=None, gt=0, description="most that a token may add to the loss; none for no bound"
    )
    views: tuple[View, ...] = Field(
        default=("reference", "critique"), min_length=1, description="the lessons that teach"
    )
    only: Literal["all", "failed"] = Field(
        default="all", description="teach on all attempts, or only on those that failed"
    )
    threshold: float = Field(default=1.0, description="an attempt that earned less has failed")
    lesson_threshold: float | None = Field(
        default=None,
        description="a lesson whose own solution earned less does not teach; none for all teach",
    )

    def samples(self, groups: Sequence[Group]) -> Iterator[Sample | Dropped]:
        """Give a sample for every lesson of an attempt that is taught."""
        for group in self.own(groups):
            for told in group.trajectories:
                reason = self._refused(told)
                yield from drop(reason, [told] if reason else [])
                if not reason:
                    yield from self._taught(told)

    def _refused(self, told: Trajectory) -> str:
        if self.only == "failed" and told.reward is None:
            return "no grade"
        if self.only == "failed" and (told.reward or 0.0) >= self.threshold:
            return "did not fail"
        if not any(lesson.view in self.views for lesson in told.lessons):
            return "no lesson"
        return "" if any(map(self._teaches, told.lessons)) else "failed lesson"

    def _teaches(self, lesson: Lesson) -> bool:
        if lesson.view not in self.views:
            return False
        if self.lesson_threshold is None or not lesson.spoken:
            return True
        return lesson.reward is not None and lesson.reward >= self.lesson_threshold

    def _taught(self, told: Trajectory) -> Iterator[Sample]:
        loss = Divergence(
            direction=self.direction, beta=self.beta, top_k=self.top_k, clip=self.clip
        )
        for lesson in filter(self._teaches, told.lessons):
            yield sample(told, self.weight, loss, lesson)
