"""Upcasts: what an older simctl wrote, read as a message of today.

The log is never rewritten. A message of an earlier schema becomes today's on reading, one pure step
a number; a message of a later one, or of an unknown kind, is kept as text.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simctl.bus.messages import AnyMessage, UnknownMessage, kinds, parse_fields

Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]
# (kind, schema) -> what makes the fields of that schema those of the next
UPCASTS: Mapping[tuple[str, int], Upcast] = {}
_CLASSES = kinds()


def read(
    kind: str, schema: int, payload: str, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> AnyMessage | UnknownMessage:
    """Return the message that an event of this kind and schema holds.

    Raises:
        pydantic.ValidationError: the payload is not of the schema that it claims.
    """
    cls = _CLASSES.get(kind)
    if cls is None or schema > cls.schema_version:
        return UnknownMessage(kind=kind, text=payload)
    if schema == cls.schema_version:
        return cls.model_validate_json(payload)  # faster than trying by the text's kind
    fields: Fields = json.loads(payload)
    for step in range(schema, cls.schema_version):
        fields = upcasts[kind, step](fields)
    return parse_fields(fields)
