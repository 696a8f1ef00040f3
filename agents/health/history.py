"""The history of a run's health: its log, folded round by round."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simctl.agents.health.watch import Watch
from simctl.bus.event import Event
from simctl.bus.messages import AlarmRaised


class Examined(NamedTuple):
    """A round that ended: its numbers, and the alarms that began or were over with it."""

    round: int
    metrics: dict[str, float]
    alarms: list[AlarmRaised]


def history(events: Iterable[Event], watch: Watch) -> Iterator[Examined]:
    """Give the rounds that ended, by what a log has of them; moves `watch` along."""
    heard: list[Event] = []
    number = 0

    def examined() -> Iterator[Examined]:
        measured, alarms = watch.observe(heard)
        if any(event.kind == "round_ended" for event in heard):
            yield Examined(number, measured.metrics, alarms)

    for event in events:
        if event.kind == "round_started":
            yield from examined()
            heard.clear()
            number = event.round
        heard.append(event)
    yield from examined()
