"""Events as Arrow rows: the columns of the log, there and back without loss."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from simctl.bus.event import Event, Utterance

SCHEMA = pa.schema(
    [
        pa.field("run", pa.string()),
        pa.field("branch", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("producer", pa.string()),
        pa.field("epoch", pa.int64()),
        pa.field("pseq", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("schema", pa.int32()),
        pa.field("sender", pa.string()),
        pa.field("recipient", pa.string()),
        pa.field("episode", pa.string()),
        pa.field("round", pa.int64()),
        pa.field("cause", pa.int64()),
        pa.field("task", pa.int64()),
        pa.field("policy_version", pa.int64()),
        pa.field("wall_us", pa.int64()),
        pa.field("payload", pa.string()),
        pa.field("prompt_tokens", pa.list_(pa.int32())),
        pa.field("tokens", pa.list_(pa.int32())),
        pa.field("logprobs", pa.list_(pa.float32())),
        pa.field("prev_hash", pa.string()),
        pa.field("hash", pa.string()),
    ]
)
PAGE = 4096  # rows that are read at once
COLUMNS = ", ".join(
    f"{name}::VARCHAR AS {name}" if name == "id" else name for name in SCHEMA.names
)  # for SELECT: ids as text are read several times faster than as UUID objects
_SAID = ("prompt_tokens", "tokens", "logprobs")
_PLAIN = [name for name in SCHEMA.names if name not in ("id", *_SAID)]


def to_table(events: Sequence[Event]) -> pa.Table:
    """Return the events as rows of the log."""
    columns: dict[str, list[Any]] = {
        name: [getattr(event, name) for event in events] for name in _PLAIN
    }
    columns["id"] = [str(event.id) for event in events]
    for name in _SAID:
        columns[name] = [
            None if event.utterance is None else getattr(event.utterance, name) for event in events
        ]
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def to_events(table: pa.Table) -> list[Event]:
    """Return the events that rows of the log hold."""
    columns = [table.column(name).to_pylist() for name in _PLAIN]
    names, said = (*_PLAIN, "utterance"), utterances(table)
    return [_event(dict(zip(names, row, strict=True))) for row in zip(*columns, said, strict=True)]


def utterances(table: pa.Table) -> Iterator[Utterance | None]:
    """Give the utterance in every row, none where no model spoke."""
    return map(_utterance, *(_lists(table.column(name)) for name in _SAID))


def _event(fields: dict[str, Any]) -> Event:
    # a frozen class sets its fields one by one, at five times the cost
    event = object.__new__(Event)
    event.__dict__.update(fields)
    return event


def _utterance(
    prompt: tuple[int, ...] | None,
    tokens: tuple[int, ...] | None,
    logprobs: tuple[float, ...] | None,
) -> Utterance | None:
    return None if prompt is None else Utterance(prompt, tokens or (), logprobs or ())


def _lists(column: pa.ChunkedArray) -> Iterable[tuple[Any, ...] | None]:
    for chunk in column.chunks:
        yield from _slices(chunk)


def _slices(lists: pa.ListArray) -> Iterable[tuple[Any, ...] | None]:
    # slicing one flat list is ten times faster than boxing every list by itself
    flat = lists.values.to_numpy(zero_copy_only=False).tolist()
    ends = lists.offsets.to_pylist()
    for begin, end, valid in zip(ends, ends[1:], lists.is_valid().to_pylist(), strict=False):
        yield tuple(flat[begin:end]) if valid else None
