"""Extend: the examiner poses, and goes on from problems that were worth it."""

from collections import deque
from random import Random
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Course, Curriculum, Start
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment


class Extend(Curriculum):
    """The examiner poses: new problems, and extensions of the last that were worth it."""

    kind: Literal["extend"] = "extend"
    extend_share: float = Field(
        default=0.5, ge=0, le=1, description="share of episodes that extend an earlier problem"
    )
    pool_size: int = Field(default=256, ge=1, description="problems kept as possible parents")
    worth: float = Field(
        default=0.3, description="a problem that earned the examiner more is kept as a parent"
    )
    recent: int = Field(
        default=0, ge=0, description="latest problems that an episode compares its own with"
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - the examiner poses
        """Return a state without parents."""
        return _Parents(self)


class _Parents(Course):
    """Keeps the problems that were worth extending."""

    def __init__(self, settings: Extend) -> None:
        self._settings = settings
        self._parents: deque[tuple[int, str]] = deque(maxlen=settings.pool_size)
        self._recent: deque[str] = deque(maxlen=settings.recent)

    def observe(self, played: Round) -> None:
        self._recent.extend(task.problem for task in played.tasks if task.worth is not None)
        self._parents.extend(
            (task.seq, task.problem)
            for task in played.tasks
            if task.valid and task.worth is not None and task.worth > self._settings.worth
        )

    def next(self, index: int, rng: Random) -> Start:  # noqa: ARG002 - all episodes draw alike
        if self._parents and rng.random() < self._settings.extend_share:
            task, problem = rng.choice(self._parents)
            return Start(parent=problem, parent_task=task, recent=tuple(self._recent))
        return Start(recent=tuple(self._recent))

    def weights(self) -> dict[str, float]:
        share = self._settings.extend_share if self._parents else 0.0
        return {"new": 1.0 - share, "extend": share}

    def __len__(self) -> int:
        return len(self._parents)
