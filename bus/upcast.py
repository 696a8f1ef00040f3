"""Upcasts: what an older simctl wrote, read as a message of today.

The log is never rewritten. A message of an earlier schema becomes today's on reading, one pure step
a number; a message of a later one, or of an unknown kind, is kept as text.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simctl.bus.messages import (
    AnyMessage,
    UnknownMessage,
    kinds,
)

Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]
# (kind, schema) -> what makes the fields of that schema those of the next
UPCASTS: Mapping[tuple[str, int], Upcast] = {
    ("give_lesson", 1): dict,  # later ones know more views
    ("lesson_given", 1): dict,
}
_CLASSES = kinds()


def read(
    kind: str, schema: int, payload: str, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> AnyMessage | UnknownMessage:
    """Return the message that an event of this kind and schema holds.

    Raises:
        pydantic.ValidationError: the payload is not of the schema that it claims.
    """
    text = modern(kind, schema, payload, upcasts)
    if text is None:
        return UnknownMessage(kind=kind, text=payload)
    return _CLASSES[kind].model_validate_json(text)  # faster than trying by the text's kind


def modern(
    kind: str, schema: int, payload: str, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> str | None:
    """Return a payload in today's schema; none where a later simctl wrote it."""
    cls = _CLASSES.get(kind)
    if cls is None or schema > cls.schema_version:
        return None
    if schema == cls.schema_version:
        return payload
    fields: Fields = json.loads(payload)
    for step in range(schema, cls.schema_version):
        fields = upcasts[kind, step](fields)
    return json.dumps(fields)
