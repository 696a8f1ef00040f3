"""How drafts, events and errors cross a process boundary: JSON in, Arrow out."""

from collections.abc import Sequence

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from simctl.bus.event import Draft
from simctl.bus.rejection import fault
from simctl.store import errors
from simctl.store.errors import DraftRefusedError, StoreError

ENDPOINT = "endpoint"  # who says what others could not
_LONGEST_NAME = 200  # characters
_TOO_LARGE = 1 << 63
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
        drafts = _DRAFTS.validate_json(body)
    except ValidationError as error:
        raise DraftRefusedError(f"an append holds what is no draft: {error}") from error
    for draft in drafts:
        check(draft)
    return drafts


def check(draft: Draft) -> None:
    """Refuse what has no place in the log's columns.

    Raises:
        DraftRefusedError: a number or name of the envelope has none, or what is said.
    """
    if not (draft.producer.isprintable() and 0 < len(draft.producer) <= _LONGEST_NAME):
        raise DraftRefusedError(f"the producer {draft.producer[:_LONGEST_NAME]!r} is no name")
    if draft.producer == ENDPOINT:
        raise DraftRefusedError(f"the producer {ENDPOINT!r} is the owner's own")
    for name in ("epoch", "pseq", "round", "cause", "task", "policy_version", "wall_us"):
        number = getattr(draft, name) or 0
        if not 0 <= number < _TOO_LARGE:
            raise DraftRefusedError(f"{name} of {draft.producer!r} is {number}: not in 0 to 2**63")
    reason = fault(draft.message, draft.utterance)
    if reason:
        raise DraftRefusedError(f"{draft.message.kind} of {draft.producer!r}: {reason}")


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
