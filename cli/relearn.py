"""Learns again from a run's log, and compares the weights with those that the log announced."""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simctl.bus.messages import PolicyUpdated
from simctl.cli.errors import RunError
from simctl.cli.recipe import load
from simctl.cli.rescoring import RESCORED, with_rewards
from simctl.cli.runs import POLICIES, RECIPE_FILE, find_run
from simctl.cli.tables import console
from simctl.store.access import open_log
from simctl.store.policies import PolicyStore
from simctl.store.said import Source, said
from simctl.trainer.retrain import retrain
from simctl.trainer.trainer import HEARD

_VERIFIERS = "SELECT DISTINCT verifier FROM answer_rescored ORDER BY 1"


def relearn(  # noqa: PLR0913 - what a command line may say
    run: str,
    recipe: str | None,
    sets: Sequence[str],
    *,
    rewards: str | None,
    out: Path | None,
    runs_dir: Path,
) -> int:
    """Learn again and print every version; return 1 where equal weights were due and differ.

    Raises:
        UserError: there is no such run, recipe or verifier, or nothing to learn, or `out` exists.
    """
    path = find_run(run, runs_dir)
    settings = load(recipe or str(path / RECIPE_FILE), sets)
    if not settings.learns:
        raise RunError(f"recipe {settings.name} has no [[objective]]: there is nothing to learn")
    if out is not None and out.exists():
        raise RunError(f"{out} exists, and nothing is overwritten: name another --out")
    base = PolicyStore(path / POLICIES)
    base.verify(0)
    with open_log(path) as log, ExitStack() as stack:
        place = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        heard = said(log, HEARD)
        if rewards is not None:
            heard = with_rewards(heard, said(log, {RESCORED}), _verifier(log, rewards, path))
        updates = retrain(heard, settings.training(), base.path(0), place)
        same_recipe = recipe is None and not sets and rewards is None
        differing = _report(console(), updates, _announced(log), same_recipe=same_recipe)
    return 1 if differing and same_recipe else 0


def _verifier(log: Source, wanted: str, path: Path) -> str:
    """Return the name of the verifier whose grades are wanted: the whole, or without its hash."""
    known: list[str] = log.query(_VERIFIERS).column("verifier").to_pylist()
    found = [name for name in known if wanted in (name, name.partition("@")[0])]
    match found:
        case [one]:
            return one
        case []:
            there = f"it has those of {', '.join(known)}" if known else "it has none"
            raise RunError(
                f"run {path} has no grades of verifier {wanted!r}, {there}; "
                f"make them with: simctl rescore {path} --verifier {wanted}"
            )
        case _:
            raise RunError(f"{wanted} can be {', '.join(found)}: say which")


def _announced(log: Source) -> dict[int, str]:
    """Return the hash of every version that the log announces."""
    updates = (each.message for each in said(log, {"policy_updated"}))
    return {each.version: each.sha256 for each in updates if isinstance(each, PolicyUpdated)}


def _report(
    screen: Console,
    updates: Iterable[PolicyUpdated],
    announced: dict[int, str],
    *,
    same_recipe: bool,
) -> int:
    """Print every version as it comes; return how many of the log's did not come out."""
    equal, versions = 0, list[int]()
    for update in updates:
        wanted = announced.get(update.version)
        versions.append(update.version)
        equal += update.sha256 == wanted
        verdict = _verdict(update.sha256, wanted, same_recipe=same_recipe)
        loss = update.metrics.get("loss")
        shown = "" if loss is None else f"  loss {loss:.4g}"
        screen.print(
            Text.assemble(f"v{update.version:<4} ", (update.sha256, "dim"), "  ", verdict, shown),
            soft_wrap=True,
        )
    screen.print(
        f"{len(versions)} versions, {equal} with the weights that the log announced",
        highlight=False,
    )
    missing = sorted(announced.keys() - set(versions))
    if missing:
        screen.print(f"not learnt, though announced: {', '.join(f'v{each}' for each in missing)}")
    return len(announced) - equal


def _verdict(found: str, wanted: str | None, *, same_recipe: bool) -> tuple[str, str]:
    if wanted is None:  # the run broke off while it learnt
        return "not announced", "yellow"
    if found == wanted:
        return "= log", "green"
    return "≠ log", "red" if same_recipe else "yellow"
