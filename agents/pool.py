"""Pools: problems that were posed once and are solved again until they are used up."""

from dataclasses import dataclass
from random import Random

from pydantic import Field

from simctl.agents.played import Round, Task
from simctl.bus.values import Value


class Replay(Value):
    """A share of episodes solves problems again; they leave by use, by age, or when solved.

    PasoDoble off-line (2511.11881) fills and drains in turns, and drops at s = 1 or after 3 uses;
    SSP (2510.18821) refills from a pool of 10 steps; Socratic-Zero (2509.24726) replays a quarter.
    """

    share: float = Field(
        default=0.25, ge=0, le=1, description="share of episodes that solve a problem again"
    )
    capacity: int = Field(default=256, ge=1, description="problems kept; the oldest leaves first")
    max_uses: int = Field(default=3, ge=1, description="how often a problem is solved again")
    max_age: int = Field(default=10, ge=1, description="rounds for which a problem is kept")
    evict_solved: bool = Field(
        default=True, description="drop a problem that every attempt has solved"
    )
    min_rate: float = Field(default=0.0, ge=0, le=1, description="least solve rate that is kept")
    max_rate: float = Field(default=1.0, ge=0, le=1, description="highest solve rate that is kept")
    fill: int = Field(
        default=0, ge=0, description="rounds in a row without replay, in turns with drain"
    )
    drain: int = Field(
        default=0, ge=0, description="rounds in a row of nothing but replay; 0 for no turns"
    )

    def begin(self) -> "Pool":
        """Return an empty pool."""
        return Pool(self)


@dataclass
class _Kept:
    born: int
    uses: int = 0


class Pool:
    """The problems that are kept, oldest first."""

    def __init__(self, settings: Replay) -> None:
        """Begin empty."""
        self._settings = settings
        self._kept: dict[str, _Kept] = {}
        self._round = 0

    def __len__(self) -> int:
        return len(self._kept)

    def observe(self, played: Round) -> None:
        """Take in the valid problems of a round, and let go of those that are used up."""
        self._round = max(self._round, played.number)
        for task in played.tasks:
            self._keep(task)
        while len(self._kept) > self._settings.capacity:
            del self._kept[next(iter(self._kept))]
        oldest = self._round - self._settings.max_age
        self._kept = {text: kept for text, kept in self._kept.items() if kept.born > oldest}

    def next(self, rng: Random) -> str:
        """Return a problem to solve again, or "" for something new."""
        if self._kept and rng.random() < self.share:
            return rng.choice(list(self._kept))
        return ""

    @property
    def share(self) -> float:
        """The share of the coming round's episodes that solve again."""
        settings = self._settings
        if not self._kept:
            return 0.0
        if not settings.drain:
            return settings.share
        return float(self._round % (settings.fill + settings.drain) >= settings.fill)

    def _keep(self, task: Task) -> None:
        settings, rate = self._settings, task.rate
        if rate is None or not task.valid:
            return
        known = self._kept.get(task.problem)
        if known is None:
            known = _Kept(self._round)
            if not settings.min_rate <= rate <= settings.max_rate:
                return
        else:
            known.uses += 1
        self._kept[task.problem] = known
        if known.uses >= settings.max_uses or (settings.evict_solved and rate == 1.0):
            del self._kept[task.problem]
