"""The birth of a run: its directory appears whole, ready to be played."""

from itertools import zip_longest
from pathlib import Path

from simctl.cli.errors import RunError
from simctl.cli.recipe import Recipe, dump, load
from simctl.cli.runs import POLICIES, RECIPE_FILE, TakenError
from simctl.store.access import LOG
from simctl.store.drafts import draft, publish
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyStore


def create(recipe: Recipe, run_dir: Path, base: Path) -> None:
    """Make the directory of a run from the policy in `base`, with an empty log.

    Raises:
        TakenError: the directory exists.
        PolicyError: `base` holds no policy.
    """
    with draft(run_dir) as place:
        (place / RECIPE_FILE).write_text(dump(recipe), encoding="utf-8")
        PolicyStore(place / POLICIES).adopt(base)
        DuckLog(place / LOG, run=run_dir.name).close()
        if not publish(place, run_dir):
            raise TakenError(f"{run_dir} exists, and a run overwrites nothing")


def read(run_dir: Path, log: DuckLog) -> Recipe:
    """Return the recipe that a run began with; the log has it, and the file must agree.

    Raises:
        RunError: the file says something else.
    """
    file = run_dir / RECIPE_FILE
    for begun in log.query("SELECT recipe FROM run_started").to_pylist():
        _agree(file, begun["recipe"])
    return load(str(file))


def _agree(file: Path, logged: str) -> None:
    """Compare a recipe's file with what the log has; write it again if it is missing."""
    if not file.exists():
        file.write_text(logged, encoding="utf-8")
    found = file.read_text(encoding="utf-8", errors="replace")
    lines = zip_longest(found.splitlines(), logged.splitlines(), fillvalue="")
    for number, (here, there) in enumerate(lines, 1):
        if here != there:
            raise RunError(
                f"{file} was changed after the run began: line {number} is {here!r}, and was "
                f"{there!r}. A run goes on as it began: restore that line, or remove the file, "
                "for the log has the recipe"
            )
