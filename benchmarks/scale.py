"""From one process to a fleet: what an event costs here, and a simulation of 10 to 10^7 agents.

Measured are commits of short and of long messages, the owner's and mosquitto's CPU-seconds for a
message of a worker's, sealed bytes, and what checking weights takes. What cannot be measured on one
machine is in ASSUMED. `--page` measures nothing: it writes the tables and the plot of docs/scale.md
from the last row in benchmarks/results/scale.jsonl, by the same simulation.

    PYTHONPATH=src:tests:benchmarks python benchmarks/scale.py [--seconds 2] [--page]
"""

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from queues import Costs, Course, simulate

HERE = Path(__file__).parent
PAGE, PLOT = HERE.parent / "docs" / "scale.md", HERE.parent / "docs" / "images" / "scale.png"
RESULTS = HERE / "results" / "scale.jsonl"
BEGIN, END = "<!-- the tables: benchmarks/scale.py -->\n", "<!-- the tables end -->\n"
AGENTS = (10, 1_000, 100_000, 10_000_000)
SHORT, LONG = 16, 500  # tokens of an answer
SEVERAL = 5  # commits of a kind, at least
ASSUMED: dict[str, float] = {
    "think": 10.0,  # seconds of an agent for an answer: LONG tokens at 50 a second
    "events": 3.15,  # of an answer: 1,166 of 370 in a round of the default society (society.jsonl)
    "asks_of_worker": 256,  # sequences that an accelerator decodes at once
    "weights_gb": 2.0,  # a policy of a billion parameters in bfloat16
    "learning": 4e14,  # operations a second of an accelerator that learns: 6 a parameter and token
    "network_gb": 1.25,  # bytes a second between machines: 10 Gb/s
    "version_seconds": 60.0,  # between two versions of the policy
    "load": 0.5,  # share of an owner's, or a broker's, time that is planned for
    "segment_seconds": 60.0,  # of events in a sealed segment
}
Row = dict[str, Any]


# --- measuring ------------------------------------------------------------------------------------


def commits(tokens: int, seconds: float) -> tuple[float, float]:
    """Return CPU-seconds of a commit, and of each event in it: by medians of small and large ones.

    The disk's sync is not in them: see `limits.py`.
    """
    from simctl.store.duck import DuckLog  # noqa: PLC0415 - the page needs none of the package

    small, large = 1, 256
    with (
        tempfile.TemporaryDirectory() as place,
        DuckLog(Path(place) / "log.duckdb", run="bench") as log,
    ):
        taken: dict[int, list[float]] = {small: [], large: []}
        numbers, until = count(), time.perf_counter() + seconds
        while time.perf_counter() < until or len(taken[large]) < SEVERAL:
            for size, found in taken.items():
                drafts = [_draft("a", next(numbers), tokens) for _ in range(size)]
                begun = time.process_time()
                log.submit(drafts).result()
                found.append(time.process_time() - begun)
    one, many = (statistics.median(found) for found in taken.values())
    each = (many - one) / (large - small)
    return one - each, each


def _draft(producer: str, number: int, tokens: int) -> Any:
    from log import draft  # noqa: PLC0415

    from simctl.bus.event import Utterance  # noqa: PLC0415

    dice = Random(number)  # noqa: S311 - words as rare as in a language, and any log-probabilities
    said = tuple(min(150_000, int(dice.paretovariate(0.6))) for _ in range(tokens))
    scores = tuple(-dice.expovariate(2) for _ in range(tokens))
    return replace(draft(producer, number), utterance=Utterance(said[:12], said, scores))


async def messages(seconds: float, tokens: int) -> tuple[float, float, float]:
    """Return CPU-seconds of the owner and of the broker for a worker's message, and its latency.

    64 are under way at a time; each passes the broker twice.
    """
    from mosquitto import Mosquitto  # noqa: PLC0415
    from mqtt import NAMES, spent  # noqa: PLC0415
    from receivers import RUN, own, receiver  # noqa: PLC0415

    from simctl.bus.broker import Broker  # noqa: PLC0415
    from simctl.bus.remote import RemoteBus  # noqa: PLC0415

    with ExitStack() as stack:
        mosquitto = stack.enter_context(Mosquitto())
        place = stack.enter_context(tempfile.TemporaryDirectory())
        file = Path(place) / "log.duckdb"
        owner = stack.enter_context(receiver(own, mosquitto.url("owner"), file))
        async with AsyncExitStack() as opened:
            name = f"b{next(NAMES)}"
            bus = RemoteBus(Broker.parse(mosquitto.url("worker")), RUN, name)
            await opened.enter_async_context(bus.open())
            await bus.join(["solver"])
            running, numbers = asyncio.create_task(bus.run()), count()
            pids = (owner.pid, mosquitto.pid)
            before, until = [spent(pid) for pid in pids], time.perf_counter() + seconds
            waits: list[float] = []

            async def publish() -> None:
                while (now := time.perf_counter()) < until:
                    said = replace(_draft(name, next(numbers), tokens), epoch=bus.epoch)
                    await bus.publish([said])
                    waits.append(time.perf_counter() - now)

            async with asyncio.TaskGroup() as group:
                for _ in range(64):
                    group.create_task(publish())
            spent_ = [spent(pid) - was for pid, was in zip(pids, before, strict=True)]
            running.cancel()
    return spent_[0] / len(waits), spent_[1] / len(waits) / 2, statistics.median(waits)


def sealed(tokens: int, events: int) -> tuple[float, float]:
    """Return bytes of an event in a sealed segment, and seconds that sealing it takes."""
    from simctl.store.duck import DuckLog  # noqa: PLC0415
    from simctl.store.segments import seal  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "segments"
        with DuckLog(Path(place) / "log.duckdb", run="bench") as log:
            for begin in range(0, events, 500):
                numbers = range(begin, begin + 500)
                log.submit([_draft("a", number, tokens) for number in numbers]).result()
            begun = time.process_time()
            seal(log, folder)
            taken = time.process_time() - begun
        return sum(
            file.stat().st_size for file in folder.glob("*.parquet")
        ) / events, taken / events


def hashing(megabytes: int = 256) -> float:
    """Return bytes a second of checking weights by their sha256."""
    from simctl.store.policies import hash_file  # noqa: PLC0415

    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(megabytes << 20))
        file.flush()
        begun = time.process_time()
        hash_file(Path(file.name))
        return (megabytes << 20) / (time.process_time() - begun)


def measure(seconds: float) -> Row:
    """Measure what a message costs here, small and long."""
    found: Row = {}
    for name, tokens in (("short", SHORT), ("long", LONG)):
        commit, event = commits(tokens, seconds)
        owner, broker, wait = asyncio.run(messages(seconds, tokens))
        size, seal = sealed(tokens, 5_000)
        found[name] = {
            "tokens": tokens,
            "commit_s": commit,
            "event_s": event,
            "owner_s": owner,
            "broker_s": broker,
            "wait_64_s": wait,
            "sealed_bytes": size,
            "seal_s": seal,
        }
    return found | {"hash_bytes_per_s": hashing()}


# --- planning -------------------------------------------------------------------------------------


def costs_of(row: Row) -> Costs:
    """Return the costs of a long answer: its message, and the events around it, which are short.

    What the owner spends on a message has the answer's own event in it.
    """
    long, short = row["long"], row["short"]
    around = (ASSUMED["events"] - 1) * short["event_s"]
    return Costs(long["broker_s"], short["commit_s"], long["owner_s"] + around)


def most(costs: Costs) -> float:
    """Return the answers a second that an owner takes at most: commits of as many as may be."""
    return 1 / (costs.message + costs.commit / costs.most)


def doubling(holders: int, weights: float, network: float) -> float:
    """Return seconds until all have weights of so many GB, which each gives on."""
    return math.ceil(math.log2(holders + 1)) * weights / network


def plan(row: Row, agents: int) -> Row:
    """Return what so many agents need, and how one log and one of many fare."""
    costs, think = costs_of(row), ASSUMED["think"]
    rate, capacity = agents / think, most(costs)
    logs = max(1, math.ceil(rate / (capacity * ASSUMED["load"])))
    through = 1 / (2 * costs.broker) * ASSUMED["load"]
    workers = math.ceil(agents / ASSUMED["asks_of_worker"])
    alone = one_log(agents, think, costs)
    sharded = alone if logs == 1 else one_log(math.ceil(agents / logs), think, costs)
    answer = row["long"]["sealed_bytes"] + (ASSUMED["events"] - 1) * row["short"]["sealed_bytes"]
    gb, network = ASSUMED["weights_gb"], ASSUMED["network_gb"]
    return {
        "agents": agents,
        "rate": rate,
        "events": rate * ASSUMED["events"],
        "mb": rate * answer / 1e6,
        "tb_day": rate * answer * 86_400 / 1e12,
        "tokens": rate * LONG,
        "logs": logs,
        "brokers": math.ceil(rate / through),
        "workers": workers,
        "alone": alone,
        "sharded": sharded,
        "from_owner": workers * gb / network,
        "doubled": doubling(workers, gb, network) + gb * 1e9 / row["hash_bytes_per_s"],
        "learners": rate * LONG * 6 * gb * 1e9 / 2 / ASSUMED["learning"],
        "segments_hour": logs * 3600 / ASSUMED["segment_seconds"],
    }


def one_log(agents: int, think: float, costs: Costs) -> Row:
    """Return how agents at one log fare: simulated, or at more than its most by the law for it."""
    if agents / think > 4 * most(costs):
        # the interactive response time law: agents = rate * (wait + think)
        wait = agents / most(costs) - think
        return {"p50": wait, "p99": wait, "busy": 1.0, "rate": most(costs), "simulated": False}
    course = simulate(agents, think, costs, seconds=10, warm=max(2.0, 2 * think))
    return told(course)


def told(course: Course) -> Row:
    """Return of a course what a table says."""
    return {
        "p50": course.wait(0.5),
        "p99": course.wait(0.99),
        "busy": course.busy_owner,
        "rate": course.rate,
        "simulated": True,
    }


# --- telling --------------------------------------------------------------------------------------


def tables(row: Row, plans: Sequence[Row]) -> str:
    """Return the tables of the page."""
    short, long = row["short"], row["long"]
    lines = ["| measured here | 16 tokens | 500 tokens |", "|---|---|---|"]
    for name, key, scale, unit in (
        ("a commit", "commit_s", 1e3, "ms of CPU"),
        ("each event in it", "event_s", 1e6, "us of CPU"),
        ("the owner, for a worker's message", "owner_s", 1e6, "us of CPU"),
        ("mosquitto, for a message one way", "broker_s", 1e6, "us of CPU"),
        ("an event in a sealed segment", "sealed_bytes", 1, "bytes"),
        ("sealing it", "seal_s", 1e6, "us of CPU"),
    ):
        cells = (
            f"{each[key] * scale:,.{0 if scale == 1 else 1}f} {unit}" for each in (short, long)
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        f"| checking weights by sha256 | {row['hash_bytes_per_s'] / 1e9:.2f} GB/s | |",
        f"| so an owner takes at most, answers a second | | {most(costs_of(row)):,.0f} |",
        "",
        "| agents | " + " | ".join(f"{each['agents']:,}" for each in plans) + " |",
        "|---" * (len(plans) + 1) + "|",
    ]
    for name, tell in (
        ("answers a second", lambda p: _short(p["rate"])),
        ("events a second", lambda p: _short(p["events"])),
        ("tokens sampled a second", lambda p: _short(p["tokens"])),
        ("sealed, a day", lambda p: f"{_short(p['tb_day'] * 1e12)}B"),
        ("one owner, one log: wait p50, p99", lambda p: _waits(p["alone"])),
        ("its time that is busy", lambda p: f"{p['alone']['busy']:.0%}"),
        ("logs at half their most", lambda p: _short(p["logs"])),
        ("then: wait p50, p99", lambda p: _waits(p["sharded"])),
        ("brokers at half their most", lambda p: _short(p["brokers"])),
        ("segments an hour", lambda p: _short(p["segments_hour"])),
        ("workers of 256 asks", lambda p: _short(p["workers"])),
        ("accelerators that learn from all", lambda p: _short(math.ceil(p["learners"]))),
        ("a version to all, from the owner", lambda p: _time(p["from_owner"])),
        ("the same, given on by who has it", lambda p: _time(p["doubled"])),
    ):
        lines.append(f"| {name} | " + " | ".join(tell(each) for each in plans) + " |")
    return "\n".join(lines) + "\n"


def _waits(of: Row) -> str:
    waits = f"{_time(of['p50'])}, {_time(of['p99'])}"
    return waits if of["simulated"] else f"{_time(of['p50'])} (by law)"


def _time(seconds: float) -> str:
    for least, unit, name in ((86_400, 86_400, "d"), (3_600, 3_600, "h"), (1, 1, "s")):
        if seconds >= least:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds * 1e3:.1f} ms"


def _short(number: float) -> str:
    for size, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {name}"
    return f"{number:.3g}"


def draw(row: Row, file: Path) -> None:
    """Plot the wait for an answer to be in the log, by agents, with one log and with enough."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    costs, think = costs_of(row), ASSUMED["think"]
    knee = most(costs) * think
    sizes = [10 ** (power / 2) for power in range(2, 15)]
    alone = [one_log(round(size), think, costs) for size in sizes]
    each = [min(size, knee * ASSUMED["load"]) for size in sizes]
    many = [one_log(round(size), think, costs) for size in each]
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.loglog(sizes, [one["p99"] for one in alone], "o-", label="one log, p99", color="#b4472e")
    axes.loglog(
        sizes, [one["p99"] for one in many], "s-", label="enough logs, p99", color="#2e6db4"
    )
    axes.axvline(knee, linestyle=":", color="grey")
    axes.text(knee * 1.1, 1e3, f"an owner's most:\n{knee:,.0f} agents", color="grey", fontsize=9)
    axes.set(
        xlabel="agents, each with an answer of 500 tokens in 10 s", ylabel="seconds of waiting"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(file, dpi=110)


def page(row: Row) -> None:
    """Write the tables and the plot of docs/scale.md."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    told_ = tables(row, [plan(row, agents) for agents in AGENTS])
    PAGE.write_text(f"{before}{BEGIN}{told_}{END}{rest.partition(END)[2]}", encoding="utf-8")
    draw(row, PLOT)


def last() -> Row:
    """Return the row that was published last."""
    found: Row = json.loads(RESULTS.read_text(encoding="utf-8").splitlines()[-1])["rows"][0]
    return found


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--page", action="store_true", help="write docs/scale.md, measure nothing")
    asked = parser.parse_args()
    if asked.page:
        page(last())
        return
    row = measure(asked.seconds)
    print(tables(row, [plan(row, agents) for agents in AGENTS]))

    from small import write  # noqa: PLC0415 - it loads torch

    write("scale", [row])


if __name__ == "__main__":
    main()
