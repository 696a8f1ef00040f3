"""Upcasts: what an older simctl wrote, read as a message of today.

The log is never rewritten. A message of an earlier schema becomes today's on reading, one pure step
a number; a message of a later one, or of an unknown kind, is kept as text.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simctl.bus.messages import AnyMessage, UnknownMessage, kinds, parse, parse_fields

Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]
# (kind, schema) -> what makes the fields of that schema those of the next
UPCASTS: Mapping[tuple[str, int], Upcast] = {}
_SCHEMAS = {kind: cls.schema_version for kind, cls in kinds().items()}


def read(
    kind: str, schema: int, payload: str, upcasts: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> AnyMessage | UnknownMessage:
    """Return the message that an event of this kind and schema holds.

    Raises:
        pydantic.ValidationError: the payload is not of the schema that it claims.
    """
    wanted = _SCHEMAS.get(kind)
    if wanted == schema:
        return parse(payload)
    if wanted is None or schema > wanted:
        return UnknownMessage(kind=kind, text=payload)
    fields: Fields = json.loads(payload)
    for step in range(schema, wanted):
        fields = upcasts[kind, step](fields)
    return parse_fields(fields)
