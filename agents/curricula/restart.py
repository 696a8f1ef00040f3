"""Restart: episodes go on from stored attempts as well as from fresh problems."""

from dataclasses import dataclass
from random import Random
from statistics import pvariance
from typing import Literal

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Levels
from simctl.agents.curriculum import Course, Start
from simctl.agents.played import Round, Try
from simctl.agents.tasks.environment import Environment


class Restart(Graded):
    """A share of episodes goes on from a stored attempt, drawn by what there is to learn from it.

    ExIt (2509.04575): the priority of a partial history is the variance of the returns in its
    group, at first that which it came from, then that which began from it. Self-ReSET: the solver's
    own failures are stored instead, all alike. The texts that are to be had have no share, capacity
    or age.
    """

    kind: Literal["restart"] = "restart"
    restart_share: float = Field(
        default=0.5, ge=0, le=1, description="share of episodes that go on from a stored attempt"
    )
    capacity: int = Field(default=256, ge=1, description="attempts kept; the least promising leave")
    max_age: int = Field(default=8, ge=1, description="rounds for which an attempt is kept unused")
    keep: Literal["varied", "failed"] = Field(
        default="varied",
        description="varied: all attempts of groups whose rewards differ; failed: wrong ones",
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - episodes' dice draw
        """Return a state without attempts."""
        return _Histories(self)


@dataclass(frozen=True)
class _History:
    priority: float
    born: int


class _Histories(Levels):
    """The stored attempts by (problem, attempt), oldest first."""

    def __init__(self, settings: Restart) -> None:
        super().__init__(dict.fromkeys(settings.levels, 1.0))
        self._settings = settings
        self._kept: dict[tuple[str, str], _History] = {}

    def observe(self, played: Round) -> None:
        settings = self._settings
        for task in played.tasks:
            for group in task.groups if task.valid else ():
                self._keep(task.problem, group, played.number)
        oldest = played.number - settings.max_age
        fresh = [(key, kept) for key, kept in self._kept.items() if kept.born > oldest]
        best = sorted(fresh, key=lambda each: -each[1].priority)[: settings.capacity]
        self._kept = dict(sorted(best, key=lambda each: (each[1].born, each[0])))

    def next(self, index: int, rng: Random) -> Start:
        if self._kept and rng.random() < self._settings.restart_share:
            priorities = [kept.priority for kept in self._kept.values()]
            [(problem, attempt)] = rng.choices(list(self._kept), priorities)
            return Start(problem=problem, attempt=attempt)
        return super().next(index, rng)

    def weights(self) -> dict[str, float]:
        share = self._settings.restart_share if self._kept else 0.0
        return {"fresh": 1.0 - share, "restart": share}

    def __len__(self) -> int:
        return len(self._kept)

    def _keep(self, problem: str, group: list[Try], now: int) -> None:
        """Store the attempts of a group; the one it began from is worth what it showed."""
        failed = self._settings.keep == "failed"
        spread = pvariance([each.reward for each in group])
        kept = [each for each in group if each.text and (each.correct < 1.0 or not failed)]
        began = {(problem, each.origin) for each in group if each.origin}
        for key in began & self._kept.keys():
            del self._kept[key]
        if failed or spread > 0:
            priority = 1.0 if failed else spread
            stored = began if not failed else set[tuple[str, str]]()
            for key in (*sorted(stored), *((problem, each.text) for each in kept)):
                self._kept[key] = _History(priority, now)
