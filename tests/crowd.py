# ruff: noqa: T201 - it prints what it measures
"""A crowd: a society of many episodes around a policy without a model. Also a soak of its memory.

    PYTHONPATH=src python tests/crowd.py --episodes 10000 --rounds 3

Prints a line for each round and a JSON row, and exits with 1 if memory grew after the first rounds
by more than `--growth` MB.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.curricula import Frontier
from simctl.agents.episodes.solve import Solve
from simctl.agents.memory import Memory
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.serving import Served
from simctl.agents.society import Here, Plan, Rounds, Society
from simctl.agents.tasks.chain import ChainTasks, parse, solve
from simctl.bus.event import Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import RunStarted
from simctl.bus.quiescence import Quiescence
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyStore

MB = 1 << 20
PAGE = resource.getpagesize()


@dataclass
class Reckoner:
    """A policy that works out what a solver is asked: a sampler without a model or weights."""

    version: int = 0

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        return [self._answer(request.prompt) for request in requests]

    def propose(self, version: int, path: Path) -> None:
        raise ValueError(f"version {version} in {path} cannot be loaded: a reckoner never learns")

    def score(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        del prompt
        return [0.0] * len(tokens)

    def accept(self) -> None:
        """Keep what it knows."""

    def _answer(self, prompt: str) -> Completion:
        problem = parse(prompt.strip("@>"))
        text = solve(problem) if problem else "?"
        said = self.encode(text)
        return Completion(self.encode(prompt), said, (0.0,) * len(said), text, False, self.version)


@dataclass
class Gauge:
    """What a crowd takes: memory and the bus's tail after each round, in MB and events."""

    bus: MemoryBus
    begun: float = field(default_factory=time.perf_counter)
    rss: list[float] = field(default_factory=list)
    tail: int = 0
    events: int = 0

    async def watch(self, events: AsyncIterator[Event], *, aloud: bool) -> None:
        async for event in events:
            self.events = event.seq
            self.tail = max(self.tail, len(self.bus._tail))  # noqa: SLF001 - the bound is inside
            if event.kind == "round_ended":
                self.rss.append(rss())
                if aloud:
                    seconds = time.perf_counter() - self.begun
                    print(
                        f"round {event.round:5} {event.seq:9} events {seconds:7.1f} s"
                        f" {self.rss[-1]:7.1f} MB",
                        flush=True,
                    )


def rss() -> float:
    """Return what this process has in memory now, in MB."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * PAGE / MB


async def play(log: DuckLog, rounds: Rounds, answers: int, *, aloud: bool = False) -> Gauge:
    """Play the rounds; each problem gets so many answers."""
    quiescence = Quiescence()
    bus, sampler = MemoryBus(log, quiescence), Reckoner()
    plan = Plan(
        episode=Solve(num_generations=answers),
        environment=ChainTasks({}),
        rounds=rounds,
        suites=(),
        seed=0,
        learns=False,
    )
    society = Society(
        plan,
        Memory(),
        Frontier(max_difficulty=6).begin(plan.environment),
        bus=bus,
        quiescence=quiescence,
        policy=Served(sampler, PolicyStore(Path()), plan.environment, 0),
        roles=Here(cast(Voice(sampler, 0))),
    )
    gauge = Gauge(bus)
    async with bus.listen("gauge") as events, asyncio.TaskGroup() as group:
        watching = group.create_task(gauge.watch(events, aloud=aloud))
        await society.run(RunStarted(recipe="", seed=0, policy_sha256="", machine={}))
        watching.cancel()
    return gauge


def main() -> int:
    """Play, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--answers", type=int, default=4, help="to each problem")
    parser.add_argument("--warm", type=int, default=None, help="rounds before memory counts")
    parser.add_argument("--growth", type=float, default=50, help="MB that are forgiven")
    parser.add_argument("--quiet", action="store_true")
    asked = parser.parse_args()
    before, rounds = rss(), Rounds(rounds=asked.rounds, episodes=asked.episodes)
    with (
        tempfile.TemporaryDirectory() as place,
        DuckLog(Path(place) / "log.duckdb", run="crowd") as log,
    ):
        gauge = asyncio.run(play(log, rounds, asked.answers, aloud=not asked.quiet))
    warm = asked.rounds // 3 if asked.warm is None else asked.warm
    row = {
        "episodes": asked.episodes,
        "rounds": asked.rounds,
        "events": gauge.events,
        "tail": gauge.tail,
        "rss_before": round(before, 1),
        "rss_warm": round(gauge.rss[warm], 1),
        "rss_most": round(max(gauge.rss), 1),
        "growth": round(max(gauge.rss[warm:]) - gauge.rss[warm], 1),
    }
    print(json.dumps(row))
    return int(row["growth"] > asked.growth)


if __name__ == "__main__":
    sys.exit(main())
