"""What docs/performance.md publishes of the rows in benchmarks/results: its tables and its plot.

PYTHONPATH=src:tests:benchmarks python benchmarks/published.py
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

HERE = Path(__file__).parent
RESULTS, DOCS = HERE / "results", HERE.parent / "docs"
PAGE, PLOT = DOCS / "performance.md", DOCS / "images" / "rl.png"
COLOURS = {"simctl": "#2e6db4", "TRL": "#b4472e"}
Row = dict[str, Any]
Wanted = tuple[tuple[str, object], ...]


def publish(benchmark: str, row: Row) -> None:
    """Add a run of a benchmark to its rows."""
    RESULTS.mkdir(exist_ok=True)
    with _file(benchmark).open("a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def rows(benchmark: str) -> list[Row]:
    """Return the rows of a benchmark's last run, and what it says once; none if there is none."""
    if not _file(benchmark).exists():
        return []
    last: Row = json.loads(_file(benchmark).read_text(encoding="utf-8").splitlines()[-1])
    return [*last.pop("rows", ()), last]


def _file(benchmark: str) -> Path:
    return RESULTS / f"{benchmark.replace(' ', '_')}.jsonl"


@dataclass(frozen=True)
class Target:
    """A line of the table: a number in the row of a benchmark that has what is `wanted`."""

    benchmark: str
    what: str
    against: str
    target: str
    number: str
    wanted: Wanted = ()
    written: str = "{:.2f}x"

    def line(self) -> str:
        """Return it as Markdown."""
        found = (row for row in rows(self.benchmark) if self.number in row)
        row = next((row for row in found if all(row.get(k) == v for k, v in self.wanted)), {})
        here = self.written.format(row[self.number]) if row else "-"
        target = self.target.format(**row) if row else "-"
        return f"| {self.what} | {self.against} | {target} | {here} |"


OURS: Wanted = (("side", "simctl"),)


def _of(size: str) -> Wanted:
    return (*OURS, ("size", size))


BUS: Wanted = (("side", "simctl, 64 producers on the bus"),)
JOURNAL: Wanted = (("side", "simctl, the same with a journal"),)
MILLION: Wanted = (("side", "samples"), ("events", 1_000_000))
BROKER: Wanted = (("side", "simctl, durable and answered"), ("coroutines", 64), ("group", 8))
ROLES: Wanted = (("question", "by role"),)
PARTS, DIGITS = "{:.1%}", "{:.1f}"
PLAIN, RAW, GENERATE = "a plain step", "raw DuckDB", "`generate`"
TABLE = (
    Target("rl", "samples learnt from, 78 k parameters", "TRL", "3x", "of_trl", _of("tiny")),
    Target("rl mini", "the same, 3 M parameters", "TRL", "1.5x", "of_trl", _of("mini")),
    Target("rl reverse", "texts said backwards, 78 k", "TRL", "-", "of_trl", OURS),
    Target("rl threads", "the first, two threads", "TRL", "-", "of_trl", OURS),
    Target("sampler", "tokens sampled, 78 k", GENERATE, "4x", "of_generate", _of("tiny")),
    Target("sampler", "the same, 3 M", GENERATE, "1.5x", "of_generate", _of("mini")),
    Target("sampler", "the same", "products alone", "-", "of_limit", _of("mini")),
    Target("learner", "tokens trained, 78 k", PLAIN, "0.95x", "of_plain", _of("tiny")),
    Target("learner", "the same, 3 M", PLAIN, "0.95x", "of_plain", _of("mini")),
    Target("log", "durable appends of 64 producers", RAW, "0.7x", "of_raw", BUS),
    Target("log", "the same with a journal", RAW, "0.7x", "of_raw", JOURNAL),
    Target("log", "the same", "`eventsourcing`", "100x", "of_eventsourcing", JOURNAL),
    Target("replay", "a million events to samples", "a scan", "0.5x", "of_scan", MILLION),
    Target("replay", "the same, seconds", "-", "< 5", "seconds", MILLION, DIGITS),
    Target("query", "mean reward by role", "flat Parquet", "1x", "flat_per_log", ROLES),
    Target("query", "a live writer that is asked", "alone", "> 95 %", "writer_keeps", (), PARTS),
    Target("bus", "messages to 10,000 agents", "autogen-core", "20x", "of_peer", OURS),
    Target("mqtt", "durable messages over MQTT", "aiomqtt", "0.7x", "of_one_way", BROKER),
    Target("mqtt", "the same, lost", "-", "0", "lost", (), "{}"),
    Target("overhead", "CPU of a run for its log", "no log", "< 10 %", "share_of_run", (), PARTS),
    Target("retrain", "a version learnt again", "the live run", "{target:.2f}x", "speedup_cpu"),
)

AFTERWARDS = """\
| of {answers:,} answers, in the log with token ids and log-probabilities | {recoverable:.0%} | 0 |
| answers lost to `kill -9` (`make soak`) | none that was heard | since it last logged |
| steps done again after it | the one under way | up to `save_steps` |
| a run that went on is the unbroken one to the bit (`runs/test_crash`) | yes | yes |
| learning again without sampling | {speedup_cpu:.1f} times as fast as live | no |
| mean reward per prompt under one version, of {events:,} events | {by_prompt:.1f} s | not kept |
| the first event in which two runs differ | {first_difference:.1f} s | no |
| all versions of the weights made again and compared | {verified:.1f} s | no |
"""


def targets() -> Iterator[str]:
    """Give what the last rows come to, beside what was aimed at."""
    yield from ("| what | against | target | here |", "|---|---|---|---|")
    yield from (each.line() for each in TABLE)


def afterwards() -> Iterator[str]:
    """Give what can be had of a run when it is over, or broke off, beside TRL 1.16."""
    found: Row = {}
    for row in (*rows("afterwards"), *rows("retrain")):
        found |= row
    yield from ("| | simctl | TRL |", "|---|---|---|")
    for line in AFTERWARDS.splitlines():
        with suppress(KeyError):  # not measured yet
            yield line.format(**found)


def growth() -> Iterator[str]:
    """Give a table for each thing that grows."""
    found = [row for row in rows("growth") if not {"benchmark"} & set(row)]
    kinds: dict[tuple[str, ...], list[Row]] = {}
    for row in found:
        kinds.setdefault(tuple(name for name in row if name != "size"), []).append(row)
    for names, alike in kinds.items():
        yield from ("", f"| {' | '.join(names)} |", f"|{'---:|' * len(names)}")
        yield from (f"| {' | '.join(_short(row[name]) for name in names)} |" for row in alike)


def _short(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.3g}"


def draw(file: Path) -> None:
    """Plot what both sides of `rl` learn: each step's mean reward, of every seed."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    shown = {
        "rl": "the digit 7, 78 k parameters",
        "rl mini": "the digit 7, 3 M parameters",
        "rl reverse": "backwards, 78 k parameters",
    }
    figure, places = plt.subplots(1, len(shown), figsize=(11, 3.2), layout="constrained")
    for axes, (benchmark, title) in zip(places, shown.items(), strict=True):
        for row in (each for each in rows(benchmark) if each.get("side") in COLOURS):
            runs, colour = row["rewards"], COLOURS[row["side"]]
            mean = [fmean(step) for step in zip(*runs, strict=True)]
            for run in runs:
                axes.plot(run, color=colour, alpha=0.3, linewidth=0.7)
            axes.plot(mean, color=colour, linewidth=2, label=f"{row['side']}, {len(runs)} seeds")
        axes.set(title=title, xlabel="step of 64 samples", ylabel="mean reward")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower right")
    figure.savefig(file, dpi=110)


def page() -> None:
    """Write the tables into the page, and draw the plot."""
    text = PAGE.read_text(encoding="utf-8")
    for lines in (targets, afterwards, growth):
        text = _between(text, lines.__name__, lines())
    PAGE.write_text(text, encoding="utf-8")
    draw(PLOT)


def _between(text: str, name: str, lines: Iterable[str]) -> str:
    """Return a text with these lines between the marks of a name."""
    begin, end = f"<!-- {name}: benchmarks/published.py -->\n", f"<!-- {name} end -->\n"
    before, _, rest = text.partition(begin)
    told = "".join(f"{line}\n" for line in lines)
    return f"{before}{begin}{told}{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    page()
