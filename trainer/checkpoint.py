"""Checkpoints: a policy version with all that is needed to go on from it, and to say so again."""

import shutil
from collections.abc import Callable
from pathlib import Path

from simctl.bus.messages import PolicyUpdated
from simctl.bus.values import canonical
from simctl.store.policies import (
    ADAPTER,
    ADAPTER_FILES,
    STATE,
    PolicyState,
    PolicyStore,
    copies,
)
from simctl.trainer.learner import OPTIMIZER
from simctl.trainer.learners import Learners
from simctl.trainer.settings import Training

# the store neither keeps for long nor copies to other runs what is called optimizer*
ANNOUNCEMENT = "optimizer_update.json"
Gather = Callable[[Path, Path, Training], Learners]  # as they are made, of a path and the first


def resume(
    policies: PolicyStore, version: int, training: Training, gather: Gather = Learners
) -> Learners:
    """Return the learners that go on where a version was committed."""
    policies.verify(version)
    learners = gather(policies.path(version), policies.path(0), training)
    if version > 0:
        learners.restore(policies.path(version))
    return learners


def is_resumable(policies: PolicyStore, version: int) -> bool:
    """Tell whether a version still has what a trainer needs to go on from it."""
    path = policies.path(version)
    needed = [path / ANNOUNCEMENT]
    for place in (path, *copies(path).values()):
        adapter = place / ADAPTER
        whole = (place / OPTIMIZER,)
        adapted = tuple(adapter / name for name in (OPTIMIZER, *ADAPTER_FILES))
        needed += adapted if adapter.is_dir() else whole
    return version == 0 or all(file.is_file() for file in needed)


def save(
    policies: PolicyStore, learners: Learners, update: PolicyUpdated, state: PolicyState
) -> PolicyState:
    """Commit the learners' weights as the version of `update`; return its state with the hash."""

    def write(path: Path) -> None:
        learners.save(path)
        _complete(path, policies.path(update.parent))
        (path / ANNOUNCEMENT).write_text(canonical(update), encoding="utf-8")

    return policies.commit(update.version, write, state)


def announcement(policies: PolicyStore, version: int) -> PolicyUpdated:
    """Return what there is to say about a committed version, with the hash of its weights."""
    text = (policies.path(version) / ANNOUNCEMENT).read_text(encoding="utf-8")
    update = PolicyUpdated.model_validate_json(text)
    return update.model_copy(update={"sha256": policies.sha256(version)})


def _complete(path: Path, parent: Path) -> None:
    """Add the tokenizer and whatever else belongs to the model."""
    for file in sorted(parent.iterdir()):
        ours = file.name == STATE or file.name.startswith("optimizer")
        if file.is_file() and not ours and not (path / file.name).exists():
            shutil.copyfile(file, path / file.name)
