"""How drafts, events and errors cross a process boundary: JSON in, Arrow out."""

from collections.abc import Sequence

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from simctl.bus.event import Draft
from simctl.store import errors
from simctl.store.errors import DraftRefusedError, StoreError

_DRAFTS: TypeAdapter[list[Draft]] = TypeAdapter(list[Draft])
_ERRORS: dict[str, type[StoreError]] = {
    cls.__name__: cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, StoreError)
}


def dump_drafts(drafts: Sequence[Draft]) -> bytes:
    """Return the drafts as JSON."""
    return _DRAFTS.dump_json(list(drafts))


def load_drafts(body: bytes) -> list[Draft]:
    """Return the drafts that JSON holds.

    Raises:
        DraftRefusedError: it holds something else.
    """
    try:
        return _DRAFTS.validate_json(body)
    except ValidationError as error:
        raise DraftRefusedError(f"an append holds what is no draft: {error}") from error


def dump_table(table: pa.Table) -> bytes:
    """Return the rows as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def load_table(body: bytes) -> pa.Table:
    """Return the rows that an Arrow IPC stream holds."""
    return pa.ipc.open_stream(body).read_all()


def dump_error(error: StoreError) -> dict[str, str]:
    """Return an error as a JSON object."""
    return {"error": type(error).__name__, "text": str(error)}


def load_error(body: dict[str, str]) -> StoreError:
    """Return the error that a JSON object holds."""
    return _ERRORS.get(body.get("error", ""), StoreError)(body.get("text", ""))
