"""The source of what is shared: a run, up to one of its events."""

from simctl.bus.event import GENESIS
from simctl.bus.values import Value
from simctl.cli.cut import Log


class Source(Value):
    """The events of a run up to seq `until`, and the hash of the last, which covers all of them."""

    run: str
    until: int
    chain: str


def source_of(log: Log, until: int | None = None) -> Source:
    """Return what a log has, up to now or to an earlier event."""
    last = log.last_seq if until is None else until
    chain = next((event.hash for event in log.read(last - 1, last)), GENESIS)
    return Source(run=log.run, until=last, chain=chain)
