"""Cuts: places in a log at which it can be left."""

from dataclasses import dataclass
from typing import Any

from simctl.cli.errors import RunError
from simctl.store.client import RemoteLog
from simctl.store.finished import FinishedLog

Log = RemoteLog | FinishedLog
_PLACE = """
SELECT coalesce(max(round) FILTER (kind = 'round_started'), 0) AS round,
    coalesce(max(round) FILTER (kind = 'round_ended'), 0) AS ended,
    coalesce(max(round) FILTER (kind = 'policy_synced'), 0) AS synced,
    max(seq) FILTER (kind = 'round_started') AS started,
    coalesce(max(policy_version) FILTER (kind = 'round_started'), 0) AS serving,
    coalesce(max((payload ->> '$.version')::BIGINT)
        FILTER (kind = 'policy_synced' AND (payload ->> '$.ok')::BOOLEAN), 0) AS proved,
    coalesce(max((payload ->> '$.version')::BIGINT)
        FILTER (kind = 'policy_synced'), 0) AS offered
FROM events WHERE seq <= {}
"""
_UPDATED = "SELECT coalesce(max(version), 0) AS version FROM policy_updated WHERE seq <= {}"
_ROUNDS = """
SELECT min(seq) FILTER (kind = 'round_started' AND round = {0} + 1) AS next,
    min(seq) FILTER (kind = 'round_ended' AND round = {0}) AS ended,
    coalesce(max(round) FILTER (kind = 'round_ended'), 0) AS last
FROM events
"""


@dataclass(frozen=True)
class Cut:
    """The place after event `seq`: the round that was begun last there, and whether it is over.

    Policy versions are: `serving`, which the round was begun with; `proved`, the last one that came
    to serve; `offered`, the last one that was proved or refused; `version`, the last one announced.
    """

    seq: int
    round: int
    over: bool
    serving: int
    proved: int
    offered: int
    version: int

    @property
    def versions(self) -> list[int]:
        """The versions that whoever goes on from there needs, without the first."""
        untaken = range(self.offered + 1, self.version)
        return sorted({self.serving, self.proved, *untaken, self.version} - {0})


def cut(log: Log, seq: int, ahead: int | None) -> Cut:
    """Return the place after event `seq`; a round that is learnt from ends with a new policy.

    The first `ahead` rounds, which are played ahead of it, do not; None: none does, for there is no
    trainer, or policies come in flight.
    """
    [place] = log.query(_PLACE.format(seq)).to_pylist()
    number = place["round"]
    waits = ahead is not None and number > ahead
    over = 0 < number == (place["synced"] if waits else place["ended"])
    return Cut(
        seq=seq,
        round=number,
        over=over,
        serving=place["serving"],
        proved=place["proved"],
        offered=place["offered"],
        version=version_at(log, seq),
    )


def version_at(log: Log, seq: int) -> int:
    """Return the last policy version that was announced up to event `seq`."""
    [updated] = log.query(_UPDATED.format(seq)).to_pylist()
    return int(updated["version"])


def between_rounds(log: Log, place: Cut, ahead: int | None) -> Cut:
    """Return the last place up to there where no round is going on, after the run's first event."""
    if place.over:
        return place
    [found] = log.query(_PLACE.format(place.seq)).to_pylist()
    return cut(log, found["started"] - 1 if place.round else 1, ahead)


def end_of_round(log: Log, number: int) -> int:
    """Return the seq of the last event before the round after `number` begins.

    Raises:
        RunError: that round has not ended.
    """
    found: dict[str, Any]
    [found] = log.query(_ROUNDS.format(number)).to_pylist()
    if found["next"] is not None:
        return int(found["next"]) - 1
    if number == 0 or found["ended"] is not None:
        return log.last_seq
    raise RunError(f"round {number} has not ended: the last that has is round {found['last']}")
