"""Losses of pairs: the better answer against the worse one, each as a whole."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from simctl.trainer.sample import Preference


def preference(chosen: Tensor, rejected: Tensor, loss: Preference) -> Tensor:
    """Return DPO's loss of each pair (Rafailov et al. 2305.18290, eq. 7).

    Both arguments (B) are the gain in an answer's summed log-probability over the reference's.
    """
    return -logsigmoid(loss.beta * (chosen - rejected))
