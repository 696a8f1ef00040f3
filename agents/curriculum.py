"""Curricula: what an episode starts from. A fold of the log, moved between rounds."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Literal, Self

from pydantic import Field, model_validator

from simctl.bus.answers import TaskPosed
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    CurriculumMoved,
    TaskChecked,
)
from simctl.bus.values import Value

_MEMORY = 0.7  # share of an earlier round's solve rate that the running one keeps


class Start(Value):
    """What an episode starts from: a difficulty to draw, or a parent to extend (or neither).

    `problem` is a stored problem to play again and `attempt` a stored attempt at it to go on from;
    `target` is an unsolved problem that what is posed should help with. `reveal` is the share of
    its view that a teacher sees, and `temperature` that of the solver; where they are not steered,
    the episode's own hold.
    """

    difficulty: int = 1
    parent: str = ""
    parent_task: int | None = None
    problem: str = ""
    attempt: str = ""
    target: str = ""
    reveal: float | None = None
    temperature: float | None = None


class Curriculum(Value, ABC):
    """The settings of a curriculum; `begin` gives its state."""

    @abstractmethod
    def begin(self) -> "Syllabus":
        """Return the state at the start of a run."""


class Syllabus(ABC):
    """The state of a curriculum."""

    @abstractmethod
    def observe(self, events: Iterable[Event]) -> None:
        """Take in the events of a finished round."""

    @abstractmethod
    def next(self, rng: Random) -> Start:
        """Choose what the next episode starts from."""

    @abstractmethod
    def moved(self) -> CurriculumMoved:
        """Say what the next round draws from."""


class Graded(Curriculum, ABC):
    """A curriculum that draws difficulties from a range."""

    min_difficulty: int = Field(default=2, ge=1, description="easiest problems drawn")
    max_difficulty: int = Field(default=16, ge=1, description="hardest problems drawn")

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.min_difficulty > self.max_difficulty:
            raise ValueError(
                f"min_difficulty is {self.min_difficulty}; it must not be over max_difficulty, "
                f"which is {self.max_difficulty}"
            )
        return self


class Uniform(Graded):
    """A fixed curriculum: every difficulty is equally likely, whatever the solver can do."""

    kind: Literal["uniform"] = "uniform"

    def begin(self) -> "Syllabus":
        """Return a state that never moves."""
        levels = range(self.min_difficulty, self.max_difficulty + 1)
        return _Levels(dict.fromkeys(levels, 1.0))


class Frontier(Graded):
    """Difficulties are drawn where the solver's solve rate s is near one half: weight 4s(1-s).

    Difficulties not yet tried count as solved somewhat less than the nearest easier one.
    """

    kind: Literal["frontier"] = "frontier"
    floor: float = Field(
        default=0.02, gt=0, description="least weight of a difficulty within reach"
    )

    def begin(self) -> "Syllabus":
        """Return a state that has seen nothing."""
        return _FrontierLevels(self)


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

    def begin(self) -> "Syllabus":
        """Return a state with an empty pool."""
        return _Pool(self)


class _Levels(Syllabus):
    """Draws difficulties by weight."""

    def __init__(self, weights: dict[int, float]) -> None:
        self._weights = weights

    def observe(self, events: Iterable[Event]) -> None:
        pass

    def next(self, rng: Random) -> Start:
        [difficulty] = rng.choices(list(self._weights), list(self._weights.values()))
        return Start(difficulty=difficulty)

    def moved(self) -> CurriculumMoved:
        total = sum(self._weights.values())
        return CurriculumMoved(
            weights={str(level): round(w / total, 6) for level, w in self._weights.items()}
        )


class _FrontierLevels(_Levels):
    """Moves the weights with the solve rate of each difficulty."""

    def __init__(self, settings: Frontier) -> None:
        self._settings = settings
        self._rates: dict[int, float] = {}
        super().__init__({})
        self._weigh()

    def observe(self, events: Iterable[Event]) -> None:
        seen: dict[int, list[float]] = {}
        difficulty: dict[int, int] = {}
        for event in _of(events, "task_checked", "answer_graded"):
            match event.message:
                case TaskChecked() as checked:
                    difficulty[checked.task] = checked.difficulty
                case AnswerGraded(role="solver") as grade:
                    seen.setdefault(difficulty[grade.task], []).append(grade.parts["correct"])
                case _:
                    pass
        for level, marks in seen.items():
            rate = sum(marks) / len(marks)
            before = self._rates.get(level, rate)
            self._rates[level] = _MEMORY * before + (1 - _MEMORY) * rate
        self._weigh()

    def _weigh(self) -> None:
        settings, rate = self._settings, 0.6
        self._weights = {}
        for level in range(settings.min_difficulty, settings.max_difficulty + 1):
            rate = self._rates.get(level, 0.8 * rate)
            self._weights[level] = 4 * rate * (1 - rate) + settings.floor


class _Pool(Syllabus):
    """Keeps the problems that were worth extending."""

    def __init__(self, settings: Extend) -> None:
        self._settings = settings
        self._parents: deque[tuple[int, str]] = deque(maxlen=settings.pool_size)

    def observe(self, events: Iterable[Event]) -> None:
        posed: dict[int, str] = {}
        for event in _of(events, "task_posed", "answer_graded"):
            match event.message:
                case TaskPosed() as task:
                    posed[event.seq] = task.problem
                case AnswerGraded(role="examiner") as grade if grade.reward > self._settings.worth:
                    self._parents.append((grade.of, posed[grade.of]))
                case _:
                    pass

    def next(self, rng: Random) -> Start:
        if self._parents and rng.random() < self._settings.extend_share:
            task, problem = rng.choice(self._parents)
            return Start(parent=problem, parent_task=task)
        return Start()

    def moved(self) -> CurriculumMoved:
        share = self._settings.extend_share if self._parents else 0.0
        return CurriculumMoved(
            weights={"new": 1.0 - share, "extend": share}, pool=len(self._parents)
        )


def _of(events: Iterable[Event], *kinds: str) -> Iterable[Event]:
    # a message is read only when it is asked for, and most of a round's are not needed
    return (event for event in events if event.kind in kinds)
