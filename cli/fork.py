"""Forks: a run goes another way from an event of its log on. The run itself stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from simctl.bus.messages import (
    RunForked,
)
from simctl.cli import birth
from simctl.cli.cut import Cut, Log, between_rounds, cut, end_of_round
from simctl.cli.errors import RunError
from simctl.cli.extras import need_for
from simctl.cli.machine import machine
from simctl.cli.play import called_off, loading, play_on
from simctl.cli.recipe import Recipe, dump, recorded
from simctl.cli.runs import POLICIES, claim, find_run, new_run
from simctl.cli.summary import next_steps
from simctl.cli.tables import console
from simctl.store.access import open_log
from simctl.store.origins import Origin, origins, started
from simctl.store.policies import PolicyStore

_BRANCHES = "SELECT DISTINCT branch FROM events WHERE seq <= {}"


@dataclass(frozen=True)
class Plan:
    """What a fork will be: where it leaves its parent, and by which recipe it goes on."""

    parent: Path
    place: Cut
    name: str  # of the recipe
    recipe: str
    learns: bool
    epoch: int  # earlier forks in the log
    branches: tuple[str, ...]  # of the log so far
    moved: str = ""  # why it does not begin where it was asked to


def fork(  # noqa: PLR0913 - what a command line may say
    run: str,
    *,
    at: int | None,
    round_: int | None,
    sets: Sequence[str],
    run_dir: Path | None,
    runs_dir: Path,
    only_create: bool,
    quiet: bool,
) -> int:
    """Make a fork and play it to its end; return the exit code.

    Raises:
        UserError: the run, the place, the recipe or the directory is not what it must be.
    """
    path, screen = find_run(run, runs_dir), console()
    say = partial(screen.print, markup=False, highlight=False, soft_wrap=True)
    with open_log(path) as log:
        plan = _plan(path, log, at, round_, sets)
        new_run(run_dir, runs_dir, plan.name)
        try:
            with TemporaryDirectory() as scratch, loading(screen, quiet=quiet):
                policies = _policies(plan, log, Path(scratch))
                make = partial(_make, plan, log, policies)
                made = claim(run_dir, runs_dir, plan.name, make)
        except KeyboardInterrupt:
            return called_off("no fork was made")
    if not quiet:
        say(f"{made} leaves {path} after event {plan.place.seq}, {_where(plan.place)}")
        if plan.moved:
            say(plan.moved)
    if not only_create:
        return play_on(str(made), runs_dir=runs_dir, quiet=quiet)
    if quiet:
        say(str(made))
    else:
        for step in next_steps(made, finished=False):
            say(f"  {step}", style="cyan")
    return 0


def _plan(parent: Path, log: Log, at: int | None, round_: int | None, sets: Sequence[str]) -> Plan:
    if log.last_seq == 0:
        raise RunError(f"run {parent} has no event yet: there is nothing to fork")
    seq = _seq(parent, log, at, round_)
    known = origins(log, seq)
    before, after = _recipes(parent, known[-1], sets)
    need_for(after)
    place, moved = cut(log, seq, _waits_after(before)), ""
    recipe = known[-1].recipe
    if after != before:
        place = between_rounds(log, asked := place, _waits_after(before))
        recipe = dump(after)
        _refuse_what_cannot_change(before, after, place)
        if place.seq < asked.seq:
            moved = _moved(asked)
    found = log.query(_BRANCHES.format(place.seq)).to_pylist()
    return Plan(
        parent=parent,
        place=place,
        name=after.name,
        recipe=recipe,
        learns=after.learns,
        epoch=sum(bool(each.parent) for each in known if each.seq <= place.seq),
        branches=tuple(row["branch"] for row in found),
        moved=moved,
    )


def _seq(parent: Path, log: Log, at: int | None, round_: int | None) -> int:
    if round_ is not None:
        return end_of_round(log, round_)
    last = log.last_seq
    if at is None or not 1 <= at <= last:
        raise RunError(f"run {parent} has the events 1 to {last}: --at {at} is none of them")
    return at


def _recipes(parent: Path, begun: Origin, sets: Sequence[str]) -> tuple[Recipe, Recipe]:
    """Return the recipe that is in force there, and the one by which the fork goes on."""
    title = f"recipe of {parent}"
    return recorded(title, begun.recipe), recorded(title, begun.recipe, sets)


def _refuse_what_cannot_change(before: Recipe, after: Recipe, place: Cut) -> None:
    if after.policy != before.policy:
        raise RunError(
            f"policy.path is {before.policy.path!r} and stays so: a fork goes on with the policy "
            "that it finds. To begin with another one: simctl run --policy"
        )
    if place.round == 0:
        return
    held = before.held_out
    for difficulty, problems in after.held_out.items():
        if problems > held.get(difficulty, 0):
            raise RunError(
                f"suite: {problems} problems of difficulty {difficulty} cannot be held out any "
                f"more, only {held.get(difficulty, 0)}: the run may have learnt from the others"
            )
    if after.learns and place.version and after.trainer.lora != before.trainer.lora:
        raise RunError(
            f"trainer.lora stays as it was: policy v{place.version} was learnt so. To go on in "
            f"another way, begin a run: simctl run --policy POLICIES/v{place.version:06d}"
        )
    if after.learns and place.version < place.round - _behind(before):
        raise RunError(
            f"the policy has learnt from rounds 1 to {place.version}, and cannot leave out rounds "
            f"up to {place.round}: fork with --round {place.version}"
        )


def _waits_after(recipe: Recipe) -> int | None:
    """Return how many rounds are over before one ends with a new policy, if any does."""
    return recipe.trainer.ahead if recipe.learns and recipe.early is None else None


def _behind(recipe: Recipe) -> int:
    """Return how many rounds the policy may be behind where one is over."""
    if not recipe.learns:
        return 0
    # in flight a round is over before the version is there that it waits for
    return recipe.trainer.ahead + (recipe.early is not None)


def _moved(asked: Cut) -> str:
    going_on = f"round {asked.round}" if asked.round else "the first measurement"
    return f"with another recipe {going_on}, which event {asked.seq} is amid, is begun anew"


def _where(place: Cut) -> str:
    if not place.round:
        return "before round 1"
    return f"{'after' if place.over else 'in'} round {place.round}, with policy v{place.version}"


def _policies(plan: Plan, log: Log, scratch: Path) -> PolicyStore:
    """Return a store with the versions that the fork needs, made again where they are gone."""
    from simctl.trainer import checkpoint, rebuild  # noqa: PLC0415 - mistakes are told before torch loads
    from simctl.trainer.muster import Muster  # noqa: PLC0415

    kept, version = PolicyStore(plan.parent / POLICIES), plan.place.version
    wanted = plan.place.versions
    there = set(wanted) <= set(kept.versions())
    if there and (not plan.learns or checkpoint.is_resumable(kept, version)):
        return kept
    try:
        with Muster() as muster:
            since, gather = min(wanted), muster.learners
            return rebuild.rebuild(kept, version, log, scratch, since=since, gather=gather)
    except rebuild.WeightsDifferError as error:
        raise RunError(f"{error}; {_machines(log)}") from error


def _machines(log: Log) -> str:
    """Say how the machine on which a run began differs from this one."""
    here = machine()
    there = started(log)
    if there is None or there.machine == here:
        return "this one is as the run's was"
    differing = [
        f"{key} {there.machine.get(key)}, here {value}"
        for key, value in here.items()
        if there.machine.get(key) != value
    ]
    return f"the run began on {'; '.join(differing)}"


def _make(plan: Plan, log: Log, policies: PolicyStore, run_dir: Path) -> None:
    name = run_dir.resolve().name
    if name in plan.branches:
        raise RunError(
            f"{run_dir}: the log has a branch {name} already; name another with --run-dir"
        )
    forked = RunForked(
        parent=plan.parent.resolve().name, at=plan.place.seq, branch=name, recipe=plan.recipe
    )
    birth.branch(
        run_dir, log, forked, epoch=plan.epoch, policies=policies, versions=plan.place.versions
    )
