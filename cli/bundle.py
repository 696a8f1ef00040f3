"""Bundles a run into one file, and makes a run from such a file."""

from pathlib import Path

from simctl.cli.errors import RunError
from simctl.cli.figures import count
from simctl.cli.runs import find_run
from simctl.cli.tables import console, pairs
from simctl.store.bundle import SUFFIX, Choice, Manifest, bundle, unbundle

_FEW = 3


def bundle_run(run: str | None, output: Path | None, choice: Choice, runs_dir: Path) -> None:
    """Bundle a run, and print what the bundle holds.

    Raises:
        RunError: there is no such run.
        BundleError: the file exists.
        LogCorruptError: the log is damaged.
    """
    path = find_run(run, runs_dir)
    file = output or Path(f"{path.resolve().name}{SUFFIX}")
    screen = console()
    with screen.status(f"bundling {path}"):
        manifest = bundle(path, file, choice)
    _tell(manifest, "bundle", f"{file}, {count(file.stat().st_size)}B", f"simctl open {file}")


def open_bundle(file: Path, run_dir: Path | None, runs_dir: Path) -> None:
    """Make a run from a bundle, and print what it holds.

    Raises:
        RunError: there is no such file.
        BundleError: it is no bundle, was changed, or the run exists.
    """
    if not file.is_file():
        raise RunError(f"bundle {file} does not exist; simctl bundle RUN makes one")
    target = run_dir or runs_dir / file.name.removesuffix(SUFFIX)
    screen = console()
    with screen.status(f"opening {file}"):
        manifest = unbundle(file, target)
    _tell(manifest, "run", str(target), f"simctl replay {target}")


def _tell(manifest: Manifest, what: str, where: str, then: str) -> None:
    folders = {name.split("/")[1] for name in manifest.members if name.startswith("policies/")}
    facts = pairs()
    facts.add_row(what, where)
    facts.add_row("events", f"{manifest.events:,}, written as run {manifest.run}")
    facts.add_row("policies", _versions(sorted(folders)))
    facts.add_row("chain", manifest.chain)
    facts.add_row("next", then)
    console().print(facts, highlight=False, soft_wrap=True)


def _versions(names: list[str]) -> str:
    if not names:
        return "none"
    few = len(names) <= _FEW
    return ", ".join(names) if few else f"{len(names)}, {names[0]} to {names[-1]}"
