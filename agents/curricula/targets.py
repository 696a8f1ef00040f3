"""Targets: a fixed set of hard problems; what is posed should help with one that is unsolved."""

from random import Random
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from simctl.agents.curricula.levels import Graded
from simctl.agents.curriculum import Course, Start
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment
from simctl.bus.dice import dice

_PATIENCE = 20  # draws for each target before there are taken to be no more


@runtime_checkable
class Parting(Protocol):
    """A family whose problems begin with smaller ones."""

    def beginning(self, problem: str, rng: Random) -> str:
        """Return a smaller problem that this one goes on from; "" where there is none."""
        ...


class Targets(Graded):
    """Each episode has one unsolved problem of a fixed set: to attempt, or to pose a step towards.

    SGS (2604.20209) attempts all targets in each iteration, and conjectures one lemma for each that
    was never solved. The set is drawn with the run's seed, and a held-out problem is never in it.
    Where problems begin with smaller ones, a beginning of the target is what the examiner extends.
    """

    kind: Literal["targets"] = "targets"
    min_difficulty: int = Field(default=8, ge=1, description="easiest targets")
    max_difficulty: int = Field(default=16, ge=1, description="hardest targets")
    problems: int = Field(default=64, ge=1, description="how many targets, of all difficulties")
    attempt_share: float = Field(
        default=0.5, ge=0, le=1, description="share of episodes that attempt the target itself"
    )

    def course(self, env: Environment, seed: int) -> Course:
        """Return a state in which no target is solved."""
        return _Targets(self, env, seed)


class _Targets(Course):
    """The targets, and which of them were ever solved."""

    def __init__(self, settings: Targets, env: Environment, seed: int) -> None:
        self._settings = settings
        self._env = env
        self._targets = draw(settings, env, seed)
        self._unsolved = self._targets
        self._played = 0

    def observe(self, played: Round) -> None:
        self._played += played.episodes
        solved = {
            task.problem for task in played.tasks if any(each.correct == 1.0 for each in task.alone)
        }
        self._unsolved = [each for each in self._unsolved if each not in solved]

    def next(self, index: int, rng: Random) -> Start:
        if not self._unsolved:
            return Start(problem=rng.choice(self._targets))
        target = self._unsolved[(self._played + index) % len(self._unsolved)]
        if rng.random() < self._settings.attempt_share:
            return Start(problem=target)
        return Start(target=target, parent=self._beginning(target, rng))

    def weights(self) -> dict[str, float]:
        attempted = self._settings.attempt_share if self._unsolved else 1.0
        solved = 1.0 - len(self._unsolved) / len(self._targets)
        return {"attempt": attempted, "conjecture": 1.0 - attempted, "solved": solved}

    def __len__(self) -> int:
        return len(self._unsolved)

    def _beginning(self, target: str, rng: Random) -> str:
        if not isinstance(self._env, Parting):
            return ""
        smaller = self._env.beginning(target, rng)
        # the beginning of what may be posed can itself be held out
        return smaller if smaller and self._env.check(smaller).valid else ""


def draw(settings: Targets, env: Environment, seed: int) -> list[str]:
    """Return the targets of a run, each once, difficulties in turn; fewer where there are fewer."""
    found: dict[str, None] = {}
    levels = settings.levels
    for at in range(settings.problems * _PATIENCE):
        level = levels[len(found) % len(levels)]
        found.setdefault(env.draw(level, dice(seed, "targets", at)))
        if len(found) == settings.problems:
            break
    return list(found)
