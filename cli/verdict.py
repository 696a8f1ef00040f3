"""The verdict on a run that was done once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simctl.cli.figures import duration
from simctl.cli.machine import machine
from simctl.cli.sides import Decode, sides
from simctl.cli.tables import pairs, table
from simctl.store.difference import differences
from simctl.store.tape import Divergence, Tape

_WHY = {
    "policy_evaluated": "scores measure weights: the sampled tokens are not in the log",
    "policy_synced": "whether weights serve is measured where they serve",
    "role_failed": "what a role failed over is not in the log",
}
_CLOCK = "versions: the clock chose which said what, and each was proved by then"
_OF_FLOATS = ("sha256", "metrics.", "probes")


@dataclass(frozen=True)
class Verdict:
    """What came of it; times are in seconds.

    It is about the events after `since`; `machine` is the one that the run began on.
    """

    path: Path
    tape: Tape
    divergence: Divergence | None
    since: int
    machine: dict[str, str]
    decode: Decode
    seconds: float
    run_seconds: float


def tell(screen: Console, verdict: Verdict) -> None:
    """Print a verdict."""
    screen.print(_counts(verdict.tape), highlight=False)
    screen.print()
    screen.print(_facts(verdict), highlight=False)
    if verdict.divergence is not None:
        screen.print()
        for line in _divergence(verdict, verdict.divergence):
            screen.print(line, highlight=False, soft_wrap=True)


def _counts(tape: Tape) -> Table:
    shown = table("kind", numbers=("re-executed", "as recorded", "of processes"))
    kinds = tape.said + tape.taken + tape.apart
    columns = (tape.said, tape.taken, tape.apart)
    for kind, _ in kinds.most_common():
        shown.add_row(kind, *(str(column[kind] or "") for column in columns))
    shown.add_row(Text("all", "bold"), *(Text(f"{each.total()}", "bold") for each in columns))
    return shown


def _facts(verdict: Verdict) -> Table:
    tape, facts = verdict.tape, pairs()
    facts.add_row("run", f"{verdict.path}")
    found = Text("0", "bold green") if verdict.divergence is None else Text("1", "bold red")
    facts.add_row("divergences", found)
    if versions := tape.said["policy_updated"]:
        told = "1 version" if versions == 1 else f"{versions} versions"
        facts.add_row("weights", f"{told} rebuilt, each with the sha256 in the log")
    for kind, why in _WHY.items():
        if tape.taken[kind]:
            facts.add_row("as recorded", f"{kind}: {why}")
    if tape.flight is not None:
        facts.add_row("as recorded", _CLOCK)
    if verdict.since:
        facts.add_row("from", f"event {verdict.since}, where it left another run by another recipe")
    if tape.over:
        facts.add_row("end", "the run had not finished: it was verified as far as its log goes")
    took, ran = duration(verdict.seconds), duration(verdict.run_seconds)
    facts.add_row("time", f"{took}, where the run itself took {ran}")
    return facts


def _divergence(verdict: Verdict, parted: Divergence) -> Iterator[RenderableType]:
    event = parted.recorded or parted.found
    if event is None:
        raise ValueError("a divergence without an event")
    place = f"event {parted.seq}" if parted.recorded else f"after event {parted.seq - 1}"
    where = f"round {event.round}" + (f", episode {event.episode}" if event.episode else "")
    cause = f", on event {event.cause}" if event.cause else ""
    yield Text.assemble(
        (f"First divergence: {place}", "bold red"), f", {where}, {event.sender}{cause}"
    )
    yield sides(parted.recorded, parted.found, ("log", "now"), verdict.decode)
    if _of_machines(parted) and machine() != verdict.machine:
        theirs, ours = ", ".join(verdict.machine.values()), ", ".join(machine().values())
        yield Text(
            "Only floating-point results differ. Weights compare on one kind of machine only: "
            f"the run began on {theirs}; this is {ours}",
            "yellow",
        )


def _of_machines(parted: Divergence) -> bool:
    """Tell whether only what depends on the machine differs."""
    one, other = parted.recorded, parted.found
    if one is None or other is None or one.kind != "policy_updated":
        return False
    return all(each.field.startswith(_OF_FLOATS) for each in differences(one, other))
