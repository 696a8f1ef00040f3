"""Alarms: raised when a number stays beyond its bound, and taken back when it stays within."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from simctl.agents.health.rules import Reading
from simctl.bus.messages import AlarmRaised

_PATIENCE = 2  # rounds in a row that make up one's mind


@dataclass
class _State:
    """One number: whether its alarm is on, and since when it says the opposite."""

    on: bool = False
    began: int = 0  # the first round beyond the bound, of an alarm that is on
    turned: int = 0  # the first round in a row that says the opposite
    rounds: int = 0  # of them in a row


@dataclass
class Alarms:
    """The alarms of a run, by name."""

    _states: dict[str, _State] = field(default_factory=dict)

    def hear(self, readings: Iterable[Reading], round_: int) -> Iterator[AlarmRaised]:
        """Take in the readings of a round, and give the alarms that begin or are over with it."""
        for reading in readings:
            state = self._states.setdefault(reading.name, _State())
            if reading.beyond == state.on:
                state.rounds = 0
                continue
            if state.rounds == 0:
                state.turned = round_
            state.rounds += 1
            if state.rounds >= (1 if reading.settled else _PATIENCE):
                state.on, state.rounds = reading.beyond, 0
                if state.on:
                    state.began = state.turned
                yield _said(reading, state)


def _said(reading: Reading, state: _State) -> AlarmRaised:
    return AlarmRaised(
        name=reading.name,
        value=reading.value,
        bound=round(reading.bound, 6),
        since=state.began,
        text=reading.text,
        over=not state.on,
    )
