"""Plays a run in this process: a new one, or one that broke off."""

import sys
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from simctl.cli import toml
from simctl.cli.elsewhere import Elsewhere, suit
from simctl.cli.errors import RunError
from simctl.cli.extras import need_for
from simctl.cli.policies import misreading, of_recipe
from simctl.cli.reach import Reach
from simctl.cli.recipe import load
from simctl.cli.report.beside import reported
from simctl.cli.runs import claim, find_run, is_finished, new_run
from simctl.cli.show import View, view
from simctl.cli.summary import next_steps, summarise
from simctl.cli.tables import console
from simctl.store.access import open_log

if TYPE_CHECKING:
    from simctl.cli.session import Outcome


def play_new(  # noqa: PLR0913 - what a command line may say
    recipe_name: str,
    *,
    sets: Sequence[str],
    seed: int | None,
    rounds: int | None,
    policy: str | None,
    engine: str | None = None,
    run_dir: Path | None,
    runs_dir: Path,
    quiet: bool,
    reach: Reach | None = None,
    tools: Sequence[str] = (),
) -> int:
    """Begin a run and play it to its end; return the exit code.

    Raises:
        UserError: the recipe, the policy or the directory is not what it must be.
    """
    told = {
        "seed": seed,
        "run.rounds": rounds,
        "policy.path": policy,
        "sampler.engine": engine,
    }
    flags = [f"{key}={toml.literal(value)}" for key, value in told.items() if value is not None]
    recipe = load(recipe_name, [*sets, *flags])
    need_for(recipe)
    if reach is not None:
        suit(recipe)
    new_run(run_dir, runs_dir, recipe.name)
    screen = console()
    with ExitStack() as stack:
        try:
            there = stack.enter_context(reached(reach, screen, quiet=quiet))
            first = of_recipe(recipe)
            for trouble in (recipe.misgiving, misreading(first, recipe)) if not quiet else ():
                if trouble:
                    sys.stderr.write(f"warning: {trouble}\n")
            with loading(screen, quiet=quiet):
                from simctl.cli.session import create, play  # noqa: PLC0415 - mistakes are told before torch loads

                place = claim(
                    run_dir, runs_dir, recipe.name, lambda free: create(recipe, free, first)
                )
        except KeyboardInterrupt:
            return called_off("no run was begun")
        shown = view(screen, quiet=quiet)
        with reported(place, tools, shown.note) as troubles, closing(shown):
            outcome = play(place, shown, there)
    return _tell(screen, place, shown, outcome, troubles, quiet=quiet)


def play_on(
    name: str,
    *,
    runs_dir: Path,
    quiet: bool,
    reach: Reach | None = None,
    tools: Sequence[str] = (),
) -> int:
    """Go on with a run to its end; return the exit code.

    Raises:
        RunError: there is no such run, or nothing of it is left to play.
    """
    place = find_run(name, runs_dir)
    with open_log(place) as log:
        if is_finished(log):
            raise RunError(f"run {place} is finished; look at it with: simctl replay {place}")
    screen = console()
    with ExitStack() as stack:
        try:
            there = stack.enter_context(reached(reach, screen, quiet=quiet))
            with loading(screen, quiet=quiet):
                from simctl.cli.session import play  # noqa: PLC0415 - mistakes are told before torch loads
        except KeyboardInterrupt:
            return called_off(f"{place} is as it was")
        shown = view(screen, quiet=quiet)
        with reported(place, tools, shown.note) as troubles, closing(shown):
            outcome = play(place, shown, there)
    return _tell(screen, place, shown, outcome, troubles, quiet=quiet)


@contextmanager
def reached(reach: Reach | None, screen: Console, *, quiet: bool) -> Generator[Elsewhere | None]:
    """Give where workers are, if the roles are theirs to play.

    Raises:
        UserError: the broker or the cluster cannot be reached.
    """
    with ExitStack() as stack:
        there = None
        if reach is not None:
            with loading(screen, quiet=quiet, what=f"starting {reach.cluster or reach.bus}"):
                there = stack.enter_context(reach.open())
        yield there


def loading(
    screen: Console, *, quiet: bool, what: str = "loading the policy"
) -> AbstractContextManager[object]:
    """Show that something happens while torch is imported, or a cluster is begun."""
    return nullcontext() if quiet else screen.status(what)


def called_off(state: str) -> int:
    """Say that nothing was played."""
    sys.stderr.write(f"interrupted: {state}\n")
    return 1


def _tell(  # noqa: PLR0913 - how it ended, and where it is told
    screen: Console,
    place: Path,
    shown: View,
    outcome: "Outcome",
    troubles: Sequence[str],
    *,
    quiet: bool,
) -> int:
    finished = outcome.reason == "finished"
    if quiet:
        screen.print(str(place), markup=False, highlight=False, soft_wrap=True)
    else:
        summarise(screen, shown.progress, place)
        for step in next_steps(place, finished=finished):
            screen.print(f"  {step}", style="cyan", markup=False, highlight=False, soft_wrap=True)
    for trouble in troubles:
        sys.stderr.write(f"warning: {trouble}\n")
    if outcome.reason == "failed":
        sys.stderr.write(f"error: the run failed: {outcome.detail}\n")
    elif not finished:
        sys.stderr.write(f"interrupted: {place} is whole as far as it came\n")
    return 0 if finished else 1
