"""Failures: what fails most is drawn most."""

from random import Random
from statistics import fmean
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Levels, Rates
from simctl.agents.curriculum import Course, Start
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment, TaskError

_MEMORY = 0.7  # share of an earlier round's failure rate that the running one keeps


@runtime_checkable
class Skilled(Protocol):
    """A family that can name what a problem takes."""

    def skills(self, problem: str) -> tuple[str, ...]:
        """Return the names of the skills that a problem takes, each once."""
        ...


class Failures(Graded):
    """Difficulties, or the skills that a problem takes, are drawn as often as they fail.

    DataEnvGym (2410.06215) shows a data maker the rate of each skill; STAT (2510.10023) draws
    questions for a skill in proportion to the failed answers that lack it. A skill counts as failed
    here in every failed attempt at a problem that takes it: nobody is asked which one was missing.
    """

    kind: Literal["failures"] = "failures"
    by: Literal["difficulty", "skill"] = Field(
        default="difficulty", description="what failures are counted by"
    )
    floor: float = Field(default=0.05, gt=0, description="least weight of what never fails")
    candidates: int = Field(
        default=8, ge=1, description="problems drawn to choose one from by its skills"
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - episodes' dice draw
        """Return a state in which nothing has failed.

        Raises:
            TaskError: skills are to be counted, and the family has none.
        """
        if self.by == "difficulty":
            return _FailedLevels(self)
        if not isinstance(env, Skilled):
            raise TaskError('curriculum.by is "skill"; this family of problems names no skills')
        return _FailedSkills(self, env)


class _FailedLevels(Levels):
    """Weighs difficulties by their failure rate; one that was never tried by the highest."""

    def __init__(self, settings: Failures) -> None:
        super().__init__(dict.fromkeys(settings.levels, 1.0))
        self._settings = settings
        self._rates = Rates()

    def observe(self, played: Round) -> None:
        self._rates.observe(played)
        for level in self._settings.levels:
            self._weights[level] = 1.0 - self._rates.get(level, 0.0) + self._settings.floor


class _FailedSkills(Levels):
    """Draws a skill by its failure rate, and then a problem that takes it."""

    def __init__(self, settings: Failures, env: Environment) -> None:
        super().__init__(dict.fromkeys(settings.levels, 1.0))
        self._settings = settings
        self._env = env
        self._failed: dict[str, float] = {}

    def observe(self, played: Round) -> None:
        seen: dict[str, list[float]] = {}
        for task in played.tasks:
            if task.valid and task.rate is not None:
                for skill in _skills(self._env, task.problem):
                    seen.setdefault(skill, []).append(1.0 - task.rate)
        for skill, failed in sorted(seen.items()):
            before = self._failed.get(skill, fmean(failed))
            self._failed[skill] = _MEMORY * before + (1 - _MEMORY) * fmean(failed)

    def next(self, index: int, rng: Random) -> Start:
        start = super().next(index, rng)
        if not self._failed:
            return start
        weights = [failed + self._settings.floor for failed in self._failed.values()]
        [skill] = rng.choices(list(self._failed), weights)
        drawn = [self._env.draw(start.difficulty, rng) for _ in range(self._settings.candidates)]
        taking = (problem for problem in drawn if skill in _skills(self._env, problem))
        return start.model_copy(update={"problem": next(taking, drawn[0])})

    def weights(self) -> dict[str, float]:
        total = sum(self._failed.values()) + self._settings.floor * len(self._failed)
        shares = {
            skill: (failed + self._settings.floor) / total for skill, failed in self._failed.items()
        }
        return shares or super().weights()


def _skills(env: Environment, problem: str) -> tuple[str, ...]:
    return env.skills(problem) if isinstance(env, Skilled) else ()
