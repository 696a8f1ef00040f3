"""The signal of a round: its batch, folded from its events again. Pure, and without any weights."""

from simctl.store.origins import origins
from simctl.store.said import Source, said
from simctl.trainer.batch import Batch, build
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, groups, trajectories

_ENDED = """
SELECT max(seq) FILTER (round = {0}) AS ended, max(seq) FILTER (round < {0}) AS before
FROM round_ended WHERE round <= {0}
"""
_LEARNT = "SELECT seq FROM batch_built WHERE version = {}"


def batch_of(log: Source, round_: int) -> Batch | None:
    """Return the batch that a round gives; nothing before it has ended."""
    [row] = log.query(_ENDED.format(round_)).to_pylist()
    ended = row["ended"]
    if ended is None:
        return None
    heard = (each for each in said(log, LEARNT, row["before"] or 0, ended) if each.round == round_)
    training = training_of(log, round_)
    oldest = training.trainer.oldest(round_ - 1)
    return build(groups(trajectories(heard)), training.objective, oldest)


def training_of(log: Source, round_: int) -> Training:
    """Return by which settings a round was learnt from, or would be now."""
    learnt = log.query(_LEARNT.format(round_)).to_pylist()
    seq = learnt[0]["seq"] if learnt else log.last_seq
    return Training.parse(origins(log, seq)[-1].recipe)
