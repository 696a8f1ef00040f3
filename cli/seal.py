"""Seals a run's log into Parquet segments, and says what is sealed."""

from pathlib import Path

from simctl.cli.runs import find_run
from simctl.cli.tables import console, pairs, table
from simctl.store import segments
from simctl.store.access import open_log


def seal(run: str | None, rows: int, runs_dir: Path) -> None:
    """Seal what is new in a run's log, and print the segments that it made.

    Raises:
        RunError: there is no such run.
        LogCorruptError: the log is damaged, or is not the one that was sealed before.
    """
    path = find_run(run, runs_dir)
    folder = path / segments.FOLDER
    with open_log(path) as log:
        made = segments.seal(log, folder, rows)
    screen = console()
    if made:
        shown = table("segment", numbers=("events", "bytes"))
        for each in made:
            size = (folder / each.file).stat().st_size
            shown.add_row(each.file, f"{each.rows:,}", f"{size:,}")
        screen.print(shown, highlight=False)
        screen.print()
    manifest = segments.read(folder)
    assert manifest is not None
    facts = pairs()
    facts.add_row("sealed", f"{manifest.end.seq:,} events" + ("" if made else ", nothing is new"))
    facts.add_row("chain", manifest.end.hash)
    facts.add_row("read them", f"duckdb -c \"from '{folder}/*.parquet'\"")
    screen.print(facts, highlight=False, soft_wrap=True)
