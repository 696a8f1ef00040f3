"""What a message to one of 10,000 agents costs in one process: the bus against autogen-core.

Each agent counts what it is told. simctl: every message is an event in a log in memory, placed,
numbered and hashed, and an agent hears it through one listener, as roles do. autogen-core: its
runtime for one thread, `send_message` to an agent at a time, which answers nothing. Both validate
a message of about 600 bytes with pydantic. Interleaved, each in a process of its own, so that
memory is its own; ratios are medians of pairs. autogen-core is measured where it is found; `make
peers` installs it:

    PYTHONPATH=src:.venv/peers python benchmarks/bus.py [--agents 10000] [--repeats 5] [--seconds 1]
"""

import argparse
import asyncio
import importlib
import importlib.util
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft
from simctl.bus.memory import MemoryBus
from simctl.bus.quiescence import Quiescence
from simctl.store.memory_log import ListLog

AT_ONCE = 64  # messages that are on their way
MB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
TEXT = "7k+5=2l*3=6m-4=2n+9=1" * 28
SIDES = ("simctl", "autogen-core")
Said = dict[str, int | str]
Send = Callable[[int, Said], Awaitable[None]]


async def through_bus(agents: int, seconds: float) -> tuple[float, float]:
    """Return messages for each CPU-second, and MB."""
    quiescence, heard = Quiescence(), Counter[str]()
    bus, names = MemoryBus(ListLog(), quiescence), [f"agent{each}" for each in range(agents)]
    numbers = {name: count() for name in names}

    async def send(to: int, said: Said) -> None:
        name = names[to]
        message = AttemptMade.model_validate(said)
        await bus.publish([Draft(name, 0, next(numbers[name]), message, name, recipient=name)])

    async with bus.listen("agents") as events:

        async def hear() -> None:
            async for event in events:
                heard[event.recipient] += 1

        helpers = [asyncio.create_task(quiescence.run()), asyncio.create_task(hear())]
        found = await drive(send, lambda: sum(heard.values()), agents, seconds)
        for helper in helpers:
            helper.cancel()
    return found


async def through_autogen(agents: int, seconds: float) -> tuple[float, float]:
    """Return messages for each CPU-second, and MB."""
    core: Any = importlib.import_module("autogen_core")
    heard = Counter[str]()

    class Agent(core.RoutedAgent):  # type: ignore[misc]
        @core.message_handler  # type: ignore[untyped-decorator]
        async def hear(self, message: AttemptMade, ctx: core.MessageContext) -> None:
            del message, ctx
            heard[self.id.key] += 1

    runtime = core.SingleThreadedAgentRuntime()
    await Agent.register(runtime, "agent", lambda: Agent("an agent that counts"))
    runtime.start()

    async def send(to: int, said: Said) -> None:
        message = AttemptMade.model_validate(said)
        await runtime.send_message(message, core.AgentId("agent", f"agent{to}"))

    found = await drive(send, lambda: sum(heard.values()), agents, seconds)
    await runtime.stop()
    return found


async def drive(
    send: Send, heard: Callable[[], int], agents: int, seconds: float
) -> tuple[float, float]:
    """Tell the agents something in turn, `AT_ONCE` messages at a time."""
    turn = count()

    async def say(until: Callable[[int], bool]) -> None:
        while until(number := next(turn)):
            to = number % agents
            await send(to, {"task": number + 1, "index": 0, "attempt": TEXT})

    async def crowd(until: Callable[[int], bool]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(say(until))

    await crowd(lambda number: number < agents)  # each agent is there
    before, cpu, end = heard(), time.process_time(), time.perf_counter() + seconds
    await crowd(lambda _: time.perf_counter() < end)
    spent = time.process_time() - cpu
    return (heard() - before) / spent, rss()


def rss() -> float:
    """Return what this process has in memory, in MB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / MB


def measure(side: str, agents: int, seconds: float) -> tuple[float, float]:
    """Measure one side in this process."""
    play = through_bus if side == "simctl" else through_autogen
    return asyncio.run(play(agents, seconds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    asked = parser.parse_args()
    sides = SIDES if importlib.util.find_spec("autogen_core") else SIDES[:1]
    if sides != SIDES:
        print("autogen-core is not installed: `make peers`", file=sys.stderr)
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for _ in range(asked.repeats):
        for side in sides:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found[side].append(pool.apply(measure, (side, asked.agents, asked.seconds)))
    print(f"{asked.agents} agents, {len(TEXT)} bytes; load {os.getloadavg()[0]:.1f}")
    print(f"{'':14} {'per CPU-s':>10} {'MB':>6} {'of the peer':>12}")
    rows = []
    for side in sides:
        pairs = zip(found[side], found[sides[-1]], strict=True)
        row = {
            "side": side,
            "per_cpu_second": statistics.median(rate for rate, _ in found[side]),
            "mb": statistics.median(memory for _, memory in found[side]),
            "of_peer": statistics.median(ours[0] / theirs[0] for ours, theirs in pairs),
        }
        rows.append(row)
        print(f"{side:14} {row['per_cpu_second']:10,.0f} {row['mb']:6.0f} {row['of_peer']:11.1f}x")
    print(json.dumps({"benchmark": "bus", "rows": rows, "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main()
