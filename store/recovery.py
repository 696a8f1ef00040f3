"""Recovery: what only the journal has is moved into the log's file."""

from pathlib import Path

from simctl.bus.event import Event, rehash
from simctl.store import journal, reader
from simctl.store.database import Database, transaction
from simctl.store.errors import LogCorruptError
from simctl.store.rows import to_events, to_table
from simctl.store.sequencer import Position


def catch_up(database: Database, position: Position) -> Position:
    """Insert what only the journal has; return where the log ends then.

    Raises:
        LogCorruptError: the journal and the file hold different events, or some are in neither.
    """
    fresh = list(_missing(database, position))
    if not fresh:
        return position
    connection = database.connection
    connection.register("incoming", to_table(fresh))
    with transaction(connection):
        connection.execute("INSERT INTO events SELECT * FROM incoming")
    connection.unregister("incoming")
    return reader.position(database)


def _missing(database: Database, position: Position) -> list[Event]:
    """Return the events that follow the last one of the file."""
    found: list[Event] = []
    end = (position.seq, position.hash)
    for table in journal.rows(database.path):
        events = to_events(table)
        known = reader.hashes(database, events[0].seq, events[-1].seq)
        known |= {event.seq: event.hash for event in found}
        for event in events:
            if event.seq <= end[0]:
                _agree(database.path, event, known.get(event.seq))
            elif (event.seq, event.prev_hash) == (end[0] + 1, end[1]):
                _agree(database.path, event, rehash(event))
                found.append(event)
                end = (event.seq, event.hash)
            else:
                raise LogCorruptError(
                    f"the journal goes on with event {event.seq} and does not follow event "
                    f"{end[0]}, the last of {database.path}: {_repair(database.path)}"
                )
    return found


def _agree(path: Path, event: Event, digest: str | None) -> None:
    if event.hash != digest:
        raise LogCorruptError(
            f"event {event.seq} is another in the journal than in {path}: {_repair(path)}"
        )


def _repair(path: Path) -> str:
    return f"run `simctl store repair {path.parent}`"
