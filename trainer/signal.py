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


def batch_of(log: Source, round_: int) -> Batch | None:
    """Return the batch that a round gives; nothing before it has ended."""
    [row] = log.query(_ENDED.format(round_)).to_pylist()
    ended = row["ended"]
    if ended is None:
        return None
    heard = (each for each in said(log, LEARNT, row["before"] or 0, ended) if each.round == round_)
    return build(groups(trajectories(heard)), training_at(log, ended).objective)


def training_at(log: Source, seq: int) -> Training:
    """Return by which settings was learnt at event `seq`."""
    return Training.parse(origins(log, seq)[-1].recipe)
