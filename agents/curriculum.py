"""Curricula: what an episode starts from. A fold of the log, moved between rounds."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from random import Random

from pydantic import Field

from simctl.agents.played import Round, read
from simctl.agents.pool import Pool, Replay
from simctl.agents.steering import AnyExposure, AnyTemperature, Controller
from simctl.agents.tasks.environment import Environment
from simctl.bus.event import Event
from simctl.bus.messages import CurriculumMoved
from simctl.bus.values import Value


class Start(Value):
    """What an episode starts from: a difficulty to draw, or a parent to extend (or neither).

    `problem` is a stored problem to play again and `attempt` a stored attempt at it to go on from;
    `target` is an unsolved problem that what is posed should help with, and `recent` are the latest
    that were posed, oldest first. `reveal` is the share of its view that a teacher sees, and
    `temperature` that of the solver; where they are not steered, the episode's own hold.
    """

    difficulty: int = 1
    parent: str = ""
    parent_task: int | None = None
    problem: str = ""
    attempt: str = ""
    target: str = ""
    recent: tuple[str, ...] = ()
    reveal: float | None = None
    temperature: float | None = None


class Curriculum(Value, ABC):
    """The settings of a curriculum; `begin` gives its state."""

    replay: Replay | None = Field(
        default=None, description="a pool of problems to solve again; none for only new ones"
    )
    exposure: AnyExposure | None = Field(
        default=None, description="what share of its view a teacher sees; none: the episode's own"
    )
    temperature: AnyTemperature | None = Field(
        default=None, description="how the solver is sampled; none: the episode's own"
    )

    def begin(self, env: Environment, seed: int = 0) -> "Syllabus":
        """Return the state at the start of a run; what it draws by itself, it draws by `seed`."""
        return Syllabus(
            self.course(env, seed),
            pool=None if self.replay is None else self.replay.begin(),
            exposure=None if self.exposure is None else self.exposure.begin(seed),
            temperature=None if self.temperature is None else self.temperature.begin(),
        )

    @abstractmethod
    def course(self, env: Environment, seed: int) -> "Course":
        """Return what new episodes start from, before the first round."""


class Course(ABC):
    """What the new episodes of a curriculum start from."""

    @abstractmethod
    def observe(self, played: Round) -> None:
        """Take in a finished round."""

    @abstractmethod
    def next(self, index: int, rng: Random) -> Start:
        """Choose what episode `index` of the coming round starts from; changes nothing."""

    @abstractmethod
    def weights(self) -> dict[str, float]:
        """Return what the next round draws from."""

    def __len__(self) -> int:
        """Return how many problems or attempts are kept."""
        return 0


class Syllabus:
    """The state of a curriculum: a fold of rounds that only `observe` moves."""

    def __init__(
        self,
        course: Course,
        *,
        pool: Pool | None = None,
        exposure: Controller | None = None,
        temperature: Controller | None = None,
    ) -> None:
        """Begin before the first round."""
        self._course = course
        self._pool = pool
        self._exposure = exposure
        self._temperature = temperature

    def observe(self, events: Iterable[Event]) -> None:
        """Take in the events of a finished round; of what is between two rounds, nothing."""
        played = read(events)
        if not played.episodes:
            return
        for part in (self._course, self._pool, self._exposure, self._temperature):
            if part is not None:
                part.observe(played)

    def next(self, index: int, rng: Random) -> Start:
        """Choose what episode `index` of the coming round starts from."""
        start = self._course.next(index, rng)
        if self._pool is not None and (problem := self._pool.next(rng)):
            start = Start(problem=problem)
        steered: dict[str, float] = {}
        if self._exposure is not None:
            steered["reveal"] = self._exposure.next(rng)
        if self._temperature is not None:
            steered["temperature"] = self._temperature.next(rng)
        return start.model_copy(update=steered)

    def moved(self) -> CurriculumMoved:
        """Say what the next round draws from."""
        weights, kept = self._course.weights(), len(self._course)
        if self._pool is not None:
            weights["replay"], kept = self._pool.share, kept + len(self._pool)
        if self._exposure is not None:
            weights |= _named("exposure", self._exposure)
        if self._temperature is not None:
            weights |= _named("temperature", self._temperature)
        rounded = {name: round(weight, 6) for name, weight in weights.items()}
        return CurriculumMoved(weights=rounded, pool=kept)


def _named(name: str, controller: Controller) -> dict[str, float]:
    """Return what a controller reports: its setting by its own name, the rest below it."""
    return {f"{name}/{key}" if key else name: value for key, value in controller.report().items()}
