"""Values: frozen pydantic records, and the one way in which they become text."""

import json

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A record that never changes. Unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# one encoder for all: json.dumps makes a new one for each text
_as_json = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical(value: BaseModel) -> str:
    """Return JSON text with sorted keys and no spaces: equal values give equal bytes.

    This text is what the log keeps and what its hash chain covers.
    """
    return _as_json(value.model_dump(mode="json"))
