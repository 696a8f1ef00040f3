"""Learns again from a run's log, and compares the weights with those that the log announced."""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simctl.bus.messages import PolicyUpdated
from simctl.cli.cut import Log, version_at
from simctl.cli.errors import RunError
from simctl.cli.extras import need_for
from simctl.cli.recipe import load
from simctl.cli.rescoring import RESCORED, with_rewards
from simctl.cli.runs import POLICIES, RECIPE_FILE, find_run
from simctl.cli.tables import console
from simctl.store.access import open_log
from simctl.store.origins import origins
from simctl.store.policies import PolicyStore
from simctl.store.said import said
from simctl.trainer import checkpoint
from simctl.trainer.muster import Muster
from simctl.trainer.rebuild import rebuild
from simctl.trainer.retrain import announced, retrain
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
    need_for(settings)
    if not settings.learns:
        raise RunError(f"recipe {settings.name} has no [[objective]]: there is nothing to learn")
    if out is not None and out.exists():
        raise RunError(f"{out} exists, and nothing is overwritten: name another --out")
    base = PolicyStore(path / POLICIES)
    base.verify(0)
    same_recipe = recipe is None and not sets and rewards is None
    with open_log(path) as log, ExitStack() as stack:
        verifier = None if rewards is None else _verifier(log, rewards, path)
        place = PolicyStore(out or Path(stack.enter_context(tempfile.TemporaryDirectory())))
        place.adopt(base.path(0))
        screen = console()
        gather = stack.enter_context(Muster()).learners
        root = _bring_root(screen, log, base, place, gather)
        heard = said(log, HEARD, place.state(root).event_offset)
        if verifier is not None:
            heard = with_rewards(heard, said(log, {RESCORED}), verifier)
        updates = retrain(heard, settings.training(), base.path(0), place.root, gather)
        wanted = {v: sha256 for v, sha256 in announced(log).items() if v > root}
        differing = _report(screen, updates, wanted, same_recipe=same_recipe)
    return 1 if differing and same_recipe else 0


def _verifier(log: Log, wanted: str, path: Path) -> str:
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


def _bring_root(
    screen: Console, log: Log, base: PolicyStore, place: PolicyStore, gather: checkpoint.Gather
) -> int:
    """Bring the version that learning begins with: 0, or the one that a fork was left with."""
    begun = origins(log)[-1:]
    if not begun or not begun[0].parent:
        return 0
    root = version_at(log, begun[0].seq)
    screen.print(
        f"from v{root} on, with which it left {begun[0].parent}, by the recipe since then",
        markup=False,
        highlight=False,
    )
    if root:
        with tempfile.TemporaryDirectory() as scratch:
            if not checkpoint.is_resumable(base, root):
                base = rebuild(base, root, log, Path(scratch), gather=gather)
            place.bring(base, root)
    return root


def _report(
    screen: Console,
    updates: Iterable[PolicyUpdated],
    wanted: dict[int, str],
    *,
    same_recipe: bool,
) -> int:
    """Print every version as it comes; return how many of the log's did not come out."""
    equal, versions = 0, list[int]()
    for update in updates:
        sha256 = wanted.get(update.version)
        versions.append(update.version)
        equal += update.sha256 == sha256
        verdict = _verdict(update.sha256, sha256, same_recipe=same_recipe)
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
    missing = sorted(wanted.keys() - set(versions))
    if missing:
        screen.print(f"not learnt, though announced: {', '.join(f'v{each}' for each in missing)}")
    return len(wanted) - equal


def _verdict(found: str, wanted: str | None, *, same_recipe: bool) -> tuple[str, str]:
    if wanted is None:  # the run broke off while it learnt
        return "not announced", "yellow"
    if found == wanted:
        return "= log", "green"
    return "≠ log", "red" if same_recipe else "yellow"
