"""Makes a dataset of a run: a directory with one file of rows and its card."""

from pathlib import Path

import pyarrow as pa

from simctl.bus.values import Value
from simctl.cli import policies
from simctl.cli.cut import Log
from simctl.cli.errors import RunError, UserError
from simctl.cli.export import answers
from simctl.cli.export.card import card
from simctl.cli.export.columns import columns
from simctl.cli.export.file import write
from simctl.cli.export.forms import rows
from simctl.cli.export.front import CARD
from simctl.cli.export.source import Source, source_of
from simctl.cli.export.wanted import Wanted
from simctl.cli.recipe import of_run
from simctl.cli.runs import POLICIES, RECIPE_FILE, find_run
from simctl.cli.tables import console, pairs
from simctl.store.access import open_log
from simctl.store.drafts import draft, publish
from simctl.store.policies import PolicyStore


class ExportError(UserError):
    """Nothing can be exported so: no answer is left, or the directory exists."""


class Dataset(Value):
    """A dataset that was made: where, of what, and how many rows it has."""

    path: Path
    rows: int
    source: Source


def export_run(run: str | None, wanted: Wanted, out: Path | None, runs_dir: Path) -> None:
    """Export a run, and print what came of it.

    Raises:
        UserError: there is no such run, no answer is left, or the directory exists.
        QueryError: the condition is wrong, not allowed or too expensive.
    """
    path = find_run(run, runs_dir)
    screen = console()
    with screen.status(f"exporting {path}"):
        made = export(path, wanted, out)
    facts = pairs()
    facts.add_row("dataset", f"{made.path}, {made.rows:,} rows")
    facts.add_row("run", f"{made.source.run}, events 1 to {made.source.until}")
    facts.add_row("chain", made.source.chain)
    facts.add_row("next", f'datasets.load_dataset("{made.path}", split="train")')
    screen.print(facts, highlight=False, soft_wrap=True)


def export(path: Path, wanted: Wanted, out: Path | None = None) -> Dataset:
    """Export the run in `path`, live or not; without `out` to a directory RUN-FORM here.

    What is said meanwhile is not in it: the card names the last event that is.

    Raises:
        UserError: no answer is left, the directory exists, or the run has no tokenizer.
        QueryError: the condition is wrong, not allowed or too expensive.
    """
    target = out or Path(f"{path.resolve().name}-{wanted.form}")
    if target.exists():
        raise _taken(target)
    with open_log(path) as log, draft(target) as place:
        count, source = _fill(place, wanted, log, path)
        if not publish(place, target):
            raise _taken(target)
    return Dataset(path=target, rows=count, source=source)


def _fill(place: Path, wanted: Wanted, log: Log, path: Path) -> tuple[int, Source]:
    """Write file and card; return the number of rows, and what they were made of."""
    recipe, read, source = of_run(path / RECIPE_FILE), _reader(path), source_of(log)
    until = source.until
    only = answers.chosen(log, wanted.where, until)
    shown = columns(wanted, answers.parts(log, until))
    schema = pa.schema([pa.field(name, type_) for name, (type_, _) in shown.items()])
    rounds = answers.rounds(log, source.run, read, until=until, only=only, roles=wanted.roles)
    count = write(place / f"train.{wanted.file}", wanted.file, schema, rows(rounds, wanted))
    if not count:
        raise ExportError(_nothing(wanted, source, only))
    text = card(wanted, source, recipe, count, shown)
    (place / CARD).write_text(text, encoding="utf-8")
    return count, source


def _reader(path: Path) -> answers.Reader:
    """Return what reads the run's tokens. All versions of a policy have one tokenizer."""
    store = PolicyStore(path / POLICIES)
    policy = store.path(next(iter(store.versions()), 0))
    if not (policy / policies.TOKENIZER).is_file():
        raise RunError(
            f"run {path} has no {policies.TOKENIZER} in {policy}: its tokens cannot be read"
        )
    return policies.reader(policy)


def _nothing(wanted: Wanted, source: Source, only: frozenset[int] | None) -> str:
    told = [f"run {source.run} has nothing to export as {wanted.form} in {source.until} events"]
    if only is not None:
        told.append(f"{len(only)} answers meet --where {wanted.where!r}")
    if wanted.roles:
        told.append(f"only those of {', '.join(wanted.roles)} were asked for")
    if wanted.form in ("sft", "preference"):
        told.append(f"a right answer earned {wanted.threshold:g} or more (--threshold)")
    return "; ".join(told)


def _taken(target: Path) -> ExportError:
    return ExportError(f"{target} exists, and an export overwrites nothing: name another --out")
