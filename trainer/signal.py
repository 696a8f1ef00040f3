"""The signal: what the trainer made of the answers of a round, token by token.

Pure as far as it goes: the batch of a round is folded from its events again. What a teacher leans
to needs weights, those with which the round began.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from simctl.store.origins import origins
from simctl.store.policies import PolicyStore
from simctl.store.said import Source, said
from simctl.trainer import checkpoint
from simctl.trainer.batch import Batch, build
from simctl.trainer.learners import Learners
from simctl.trainer.rebuild import rebuild
from simctl.trainer.sample import Sample
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, groups, trajectories

_ENDED = """
SELECT max(seq) FILTER (round = {0}) AS ended, max(seq) FILTER (round < {0}) AS before
FROM round_ended WHERE round <= {0}
"""


def batch_of(log: Source, round_: int) -> Batch | None:
    """Return the batch that a round gives; nothing before it has ended."""
    found = _bounds(log, round_)
    if found is None:
        return None
    after, ended = found
    heard = (each for each in said(log, LEARNT, after, ended) if each.round == round_)
    return build(groups(trajectories(heard)), _training(log, ended).objective)


def leanings(
    log: Source, policies: PolicyStore, round_: int, samples: Sequence[Sample]
) -> Iterator[list[float] | None]:
    """Give, of each sample of a round, how much likelier its teacher finds each token (T).

    In nats, over the weights with which the round's learning began: positive where the teacher
    draws the answer to what was said, negative where it draws it away. None where no teacher is.

    Raises:
        WeightsDifferError: the teacher's weights were not kept, and do not come out equal here.
    """
    found = _bounds(log, round_)
    if found is None or not samples:
        return
    training, version = _training(log, found[1]), round_ - 1
    with TemporaryDirectory() as scratch:
        if version and training.teacher.moves and not checkpoint.is_resumable(policies, version):
            policies = rebuild(policies, version, log, Path(scratch))
        learners = Learners(policies.path(version), policies.path(0), training)
        if version and training.teacher.moves:
            learners.restore(policies.path(version))
        for sample in samples:
            yield learners.leaning(sample)


def _bounds(log: Source, round_: int) -> tuple[int, int] | None:
    """Return the events between which a round stands, if it has ended."""
    [row] = log.query(_ENDED.format(round_)).to_pylist()
    return None if row["ended"] is None else (row["before"] or 0, row["ended"])


def _training(log: Source, seq: int) -> Training:
    return Training.parse(origins(log, seq)[-1].recipe)
