"""Candidates: one policy that somebody named, to be measured or served."""

from dataclasses import dataclass
from pathlib import Path

from simctl.cli.errors import RunError, UserError
from simctl.cli.policies import base
from simctl.cli.recipe import EMBEDDED, Recipe, load
from simctl.cli.runs import POLICIES, RECIPE_FILE, find_run, is_run
from simctl.store.policies import PolicyStore, copies


@dataclass(frozen=True)
class Candidate:
    """A policy, and the recipe that it was made by, or the default."""

    path: Path
    version: int
    recipe: Recipe


def candidate(policy: str, version: int | None, runs_dir: Path) -> Candidate:
    """Return the policy that was named: a directory, "embedded", or a version of a run.

    Raises:
        UserError: there is none.
    """
    if policy == EMBEDDED or _is_policy(Path(policy)):
        if version is not None:
            raise UserError(f"--version is for the policies of a run; {policy} is a single policy")
        alone = base(policy)
        separate = {"separate": tuple(copies(alone))}
        return Candidate(alone, 0, Recipe.model_validate({"trainer": separate}))
    if Path(policy).is_dir() and not is_run(Path(policy)):
        base(policy)  # says what is missing
    run = find_run(policy, runs_dir)
    policies = PolicyStore(run / POLICIES)
    known = policies.versions()
    wanted = policies.latest() if version is None else version
    if wanted not in known:
        raise RunError(f"run {run} has no policy version {wanted}; it has 0 to {known[-1]}")
    policies.verify(wanted)
    return Candidate(policies.path(wanted), wanted, load(str(run / RECIPE_FILE)))


def _is_policy(path: Path) -> bool:
    return (path / "config.json").is_file()
