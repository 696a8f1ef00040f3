"""The birth of a run: its directory appears whole, ready to be played."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from simctl.bus.event import Draft
from simctl.bus.messages import RunForked
from simctl.cli.errors import RunError
from simctl.cli.recipe import Recipe, dump, of_run
from simctl.cli.runs import POLICIES, RECIPE_FILE, TakenError
from simctl.store import copies
from simctl.store.access import LOG
from simctl.store.chain import Pages, pages, whole
from simctl.store.drafts import draft, publish
from simctl.store.duck import DuckLog
from simctl.store.origins import origins
from simctl.store.policies import PolicyStore

FORK = "fork"


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


def branch(  # noqa: PLR0913 - all that a branch is made of
    run_dir: Path,
    parent: Pages,
    forked: RunForked,
    *,
    epoch: int,
    policies: PolicyStore,
    versions: Sequence[int],
) -> None:
    """Make the directory of a run that has its parent's events up to `forked.at`, and then parts.

    It has version 0 and `versions` of `policies`, with what a trainer needs to go on from them.
    `epoch` is how often the log was forked before.

    Raises:
        TakenError: the directory exists.
        LogCorruptError: the parent's events are not what their hashes say.
    """
    with draft(run_dir) as place:
        (place / RECIPE_FILE).write_text(forked.recipe, encoding="utf-8")
        kept = PolicyStore(place / POLICIES)
        kept.adopt(policies.path(0))
        for version in versions:
            kept.bring(policies, version)
        events = whole(pages(parent, until=forked.at))
        copies.write(place / LOG, forked.branch, forked.branch, events)
        with DuckLog(place / LOG, run=forked.branch, branch=forked.branch) as log:
            log.submit([Draft(FORK, epoch, 0, forked, FORK)]).result()
        if not publish(place, run_dir):
            raise TakenError(f"{run_dir} exists, and a run overwrites nothing")


def read(run_dir: Path, log: DuckLog) -> Recipe:
    """Return the recipe that a run goes by; the log has it, and the file must agree.

    Raises:
        RunError: the file says something else.
    """
    file = run_dir / RECIPE_FILE
    for begun in origins(log)[-1:]:
        _agree(file, begun.recipe)
    return of_run(file)


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
