"""Beginning: what the learner itself gave to answers when the round began.

The ratio to it starts at exactly 1: an answer that is asked for the first time is kept as it is
now, so whatever is needed after the weights have moved must have been asked for before.
"""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from simctl.trainer.losses.answers import Row, split_rows
from simctl.trainer.sample import Divergence, ImplicitNegative, PolicyGradient, Preference, Sample


class Beginning:
    """Log-probabilities of answers, one tensor each."""

    def __init__(self) -> None:
        """Know nothing."""
        self._known: dict[Row, Tensor] = {}

    def of(self, rows: Sequence[Row], now: Tensor) -> list[Tensor]:
        """Return those of each row; `now` are the present ones of all of them, end to end."""
        parts = split_rows(now.detach(), [tokens for _, tokens, _ in rows])
        found = zip(rows, parts, strict=True)
        return [self._known.setdefault(row, part.clone()).to(now.device) for row, part in found]

    def known(self) -> dict[Row, Tensor]:
        """Return all that is known, on the CPU."""
        return {row: each.cpu() for row, each in self._known.items()}

    def learn(self, others: Iterable[Mapping[Row, Tensor]]) -> None:
        """Add what others know, and keep what is known here."""
        for known in others:
            self._known = {**known, **self._known}


def needs_beginning(sample: Sample) -> bool:
    """Tell whether a sample's loss compares with the beginning of the round."""
    unlogged = not sample.logprobs
    match sample.loss:
        case Preference():
            return True
        case PolicyGradient() as loss:
            own = loss.importance_sampling_cap is not None or loss.least_logprob is not None
            return own or unlogged
        case Divergence() as loss:
            return unlogged and (loss.ratio or loss.band is not None or loss.ratio_penalty > 0)
        case ImplicitNegative():
            return unlogged
        case _:
            return False
