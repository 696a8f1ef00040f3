"""Repairs the log of a run, and says what is lost."""

from pathlib import Path

from simctl.cli.runs import find_run, is_finished
from simctl.cli.tables import console, pairs
from simctl.store.access import open_log
from simctl.store.repair import Repaired, repair


def repair_run(run: str | None, runs_dir: Path) -> None:
    """Repair a run's log, and print what was kept and what is missing.

    Raises:
        RunError: there is no such run.
        LogBusyError: it is live.
    """
    path = find_run(run, runs_dir)
    screen = console()
    with screen.status(f"reading {path}"):
        done = repair(path)
    if done is None:
        screen.print(f"the log of {path} is whole: nothing was changed", style="green")
        return
    facts = pairs()
    facts.add_row("kept", f"{done.kept.seq:,} events, from {done.source}")
    facts.add_row("missing", _missing(done))
    facts.add_row("set aside", _aside(done))
    with open_log(path) as log:
        again = "replay" if is_finished(log) else "run --resume"
    facts.add_row("go on", f"simctl {again} {path}")
    screen.print(facts, highlight=False, soft_wrap=True)


def _missing(done: Repaired) -> str:
    senders = ", ".join(f"{sender} {count:,}" for sender, count in done.missing.items())
    if not done.missing:
        return "nothing that anything still tells of"
    return f"{sum(done.missing.values()):,} events: {senders}"


def _aside(done: Repaired) -> str:
    if not done.policies:
        return f"{done.aside}, with the log as it was"
    first, last = done.policies[0], done.policies[-1]
    versions = f"version {first}" if first == last else f"versions {first} to {last}"
    return f"{done.aside}, with the log as it was and policy {versions}, which knew lost events"
