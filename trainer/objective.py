"""Objectives: pure functions from credited groups to samples. One class a method."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from simctl.bus.asks import ROLES, Role
from simctl.bus.values import Value
from simctl.trainer.sample import Dropped, Loss, Sample
from simctl.trainer.trajectory import Group, Lesson, Trajectory


class Objective(Value, ABC):
    """What to learn from which roles. Its fields are its settings in a recipe.

    One whose samples need a teacher beside the student is `taught`.
    """

    taught: ClassVar[bool] = False
    roles: tuple[Role, ...] = Field(
        default=ROLES, min_length=1, description="whose answers train; others are left alone"
    )
    weight: float = Field(
        default=1.0, gt=0, description="factor of this objective in the loss of the whole step"
    )

    @abstractmethod
    def samples(self, groups: Sequence[Group]) -> Iterator[Sample | Dropped]:
        """Turn groups into samples, and say of all other answers why they do not train."""

    def own(self, groups: Sequence[Group], *, demonstrated: bool = False) -> list[Group]:
        """Return the groups of this objective's roles: what was sampled, or what was shown."""
        return [
            group
            for group in groups
            if group.role in self.roles and group.trajectories[0].demonstrated == demonstrated
        ]


def drop(reason: str, trajectories: Sequence[Trajectory]) -> Iterator[Dropped]:
    """Say that these trajectories, all of one role, do not train."""
    if trajectories:
        sources = tuple(each.source for each in trajectories)
        yield Dropped(role=trajectories[0].role, reason=reason, sources=sources)


def sample(told: Trajectory, weight: float, loss: Loss, lesson: Lesson | None = None) -> Sample:
    """Return a trajectory as a sample whose tokens all weigh the same."""
    return Sample(
        role=told.role,
        policy_version=told.policy_version,
        source=told.source,
        prompt=told.prompt,
        tokens=told.tokens,
        logprobs=told.logprobs,
        # what the logged log-probabilities belong to: 1 for a greedy answer
        temperature=told.temperature or 1.0,
        weights=(weight,) * len(told.tokens),
        loss=loss,
        teacher_prompt=None if lesson is None else lesson.prompt,
        teacher_source=None if lesson is None else lesson.source,
    )
