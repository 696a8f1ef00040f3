"""Checkpoints: a policy version with all that is needed to go on from it, and to say so again."""

import shutil
from pathlib import Path

from simctl.bus.messages import PolicyUpdated
from simctl.bus.values import canonical
from simctl.store.policies import STATE, PolicyState, PolicyStore
from simctl.trainer.learner import OPTIMIZER, Learner
from simctl.trainer.settings import Training

# the store neither keeps for long nor copies to other runs what is called optimizer*
ANNOUNCEMENT = "optimizer_update.json"


def resume(policies: PolicyStore, training: Training) -> Learner:
    """Return a learner that goes on where the last version was committed."""
    version = policies.latest()
    policies.verify(version)
    learner = Learner(policies.path(version), policies.path(0), training)
    if version > 0:
        learner.restore(policies.path(version))
    return learner


def is_resumable(policies: PolicyStore, version: int) -> bool:
    """Tell whether a version still has what a trainer needs to go on from it."""
    path = policies.path(version)
    return version == 0 or all((path / name).is_file() for name in (OPTIMIZER, ANNOUNCEMENT))


def save(
    policies: PolicyStore, learner: Learner, update: PolicyUpdated, state: PolicyState
) -> PolicyState:
    """Commit the learner's weights as the version of `update`; return its state with the hash."""

    def write(path: Path) -> None:
        learner.save(path)
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
