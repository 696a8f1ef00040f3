"""Leanings: what a teacher thinks of the answers of a round, token by token."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from simctl.store.policies import PolicyStore
from simctl.store.said import Source
from simctl.trainer import checkpoint
from simctl.trainer.learners import Learners
from simctl.trainer.muster import Muster
from simctl.trainer.rebuild import rebuild
from simctl.trainer.sample import Sample
from simctl.trainer.signal import training_of


def leanings(
    log: Source, policies: PolicyStore, round_: int, samples: Sequence[Sample]
) -> Iterator[list[float] | None]:
    """Give, of each sample of a round, how much likelier its teacher finds each token (T).

    In nats, over the weights with which the round's learning began: positive where the teacher
    draws the answer to what was said, negative where it draws it away. None where no teacher is.

    Raises:
        WeightsDifferError: the teacher's weights were not kept, and do not come out equal here.
    """
    if not samples:
        return
    training, version = training_of(log, round_), round_ - 1
    with TemporaryDirectory() as scratch, Muster() as muster:
        if version and training.teacher.moves and not checkpoint.is_resumable(policies, version):
            policies = rebuild(policies, version, log, Path(scratch), gather=muster.learners)
        learners = Learners(policies.path(version), policies.path(0), training)
        if version and training.teacher.moves:
            learners.restore(policies.path(version))
        for sample in samples:
            yield learners.leaning(sample)
