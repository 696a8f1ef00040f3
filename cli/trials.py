"""Trials: one run for each arm and seed. A trial is an ordinary run, at a place of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simctl.cli.arms import Arm
from simctl.cli.errors import RecipeError, RunError
from simctl.cli.policies import base
from simctl.cli.recipe import Recipe, load
from simctl.cli.runs import RECIPE_FILE, is_finished, is_run
from simctl.store.access import open_log


@dataclass(frozen=True)
class Trial:
    """The run of an arm with a seed. `changes` are those of its recipe, as after --set."""

    arm: Arm
    seed: int
    run_dir: Path
    changes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.arm.name} seed {self.seed}"

    def words(self) -> list[str]:
        """Return the command that plays it: from the start, or on from where it broke off."""
        if self.run_dir.exists():
            return ["run", "--resume", str(self.run_dir), "--quiet"]
        changes = [word for each in self.changes for word in ("--set", each)]
        return ["run", self.arm.recipe, "--run-dir", str(self.run_dir), "--quiet", *changes]

    def is_finished(self) -> bool:
        """Tell whether it was played to its end.

        Raises:
            StoreError: its log cannot be read.
        """
        if not self.run_dir.exists():
            return False
        with open_log(self.run_dir) as log:
            return is_finished(log)


@dataclass(frozen=True)
class Trials:
    """All runs of a comparison, arm by arm."""

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    tokens: int
    all: tuple[Trial, ...]

    def of(self, arm: Arm) -> list[Trial]:
        """Return the trials of an arm, by seed."""
        return [each for each in self.all if each.arm == arm]


def plan(
    arms: Sequence[Arm], seeds: Sequence[int], tokens: int, directory: Path, sets: Sequence[str]
) -> Trials:
    """Return the trials, each at its place in a directory. Nothing is played or written.

    Raises:
        UserError: an arm's recipe or policy is wrong, or something else is at its place.
    """
    if is_run(directory) or (directory.exists() and not directory.is_dir()):
        raise RunError(f"{directory} is no directory of runs; name another with --dir")
    found: list[Trial] = []
    for arm in arms:
        for seed in seeds:
            run_dir = directory / f"{arm.slug}-{seed}"
            recipe = arm.load(seed, tokens, sets)
            base(recipe.policy.path)
            _compare(run_dir, recipe)
            found.append(Trial(arm, seed, run_dir, tuple(arm.changes(seed, tokens, sets))))
    return Trials(tuple(arms), tuple(seeds), tokens, tuple(found))


def _compare(run_dir: Path, wanted: Recipe) -> None:
    """Refuse a place where something else is.

    Raises:
        RunError: it is no run, or a run of another recipe.
    """
    if not run_dir.exists():
        return
    if not is_run(run_dir):
        raise RunError(f"{run_dir} exists and is no run; name another directory with --dir")
    try:
        there = load(str(run_dir / RECIPE_FILE))
    except RecipeError as error:
        raise RunError(f"{run_dir} cannot be told from a run of something else: {error}") from error
    if there != wanted:
        keys = ", ".join(_differing(there.model_dump(), wanted.model_dump()))
        raise RunError(
            f"{run_dir} is a run of another recipe: {keys} differ; name another directory "
            "with --dir"
        )


def _differing(one: dict[str, object], other: dict[str, object], path: str = "") -> list[str]:
    """Return the dotted keys under which two recipes differ."""
    found: list[str] = []
    for key in [*one, *(key for key in other if key not in one)]:
        here, there = one.get(key), other.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            found += _differing(here, there, f"{path}{key}.")
        elif here != there:
            found.append(f"{path}{key}")
    return found
