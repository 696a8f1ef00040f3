"""TOML: one text for one value, with or without the meaning of each key beside it."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from simctl.bus.values import Value

_COMMENT_COLUMN = 34  # where comments stand; that of a long value stands above it


def write(value: Value, *, comments: bool = False) -> str:
    """Return the TOML text of a value, with unset keys left out.

    Keys stand in the order of their class, `kind` first. Equal values give equal text.
    With `comments` each key is followed by its description, and an unset key is commented out.
    """
    return "\n".join(_table(value, "", comments)).strip() + "\n"


def literal(value: Any) -> str:
    """Return a plain value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            # JSON's escapes are TOML's, but for DEL, which only TOML wants escaped
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            inside = ", ".join(f"{literal(str(k))} = {literal(v)}" for k, v in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case BaseModel():
            return literal({k: v for k, v in value if v is not None})
        case list() | tuple():
            return f"[{', '.join(literal(each) for each in value)}]"
        case _:
            return repr(value)


def meaning(model: type[BaseModel], key: str) -> str:
    """Return what a key means: its description, and for `kind` that of the whole class."""
    if key == "kind":
        return (model.__doc__ or "").strip().split("\n")[0].rstrip(".")
    return model.model_fields[key].description or ""


def _table(value: BaseModel, path: str, comments: bool) -> Iterator[str]:
    """Give the lines of a table: its own keys first, or they would belong to a later table."""
    keys = sorted(type(value).model_fields, key=lambda key: key != "kind")
    fields = {key: getattr(value, key) for key in keys}
    for key, each in fields.items():
        if not _is_table(each) and (comments or each is not None):
            yield _line(type(value), key, each, comments)
    for key, each in fields.items():
        inner = f"{path}.{key}" if path else key
        if isinstance(each, BaseModel):
            yield from ("", f"[{inner}]", *_table(each, inner, comments))
        elif _is_table(each):
            for item in each:
                yield from ("", f"[[{inner}]]", *_table(item, inner, comments))


def _is_table(value: Any) -> bool:
    return isinstance(value, BaseModel) or (
        isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)
    )


def _line(model: type[BaseModel], key: str, value: Any, comments: bool) -> str:
    text = f"# {key} =" if value is None else f"{key} = {literal(value)}"
    said = meaning(model, key) if comments else ""
    if not said:
        return text
    if len(text) > _COMMENT_COLUMN:
        return f"# {said}\n{text}"
    return f"{text:<{_COMMENT_COLUMN}}  # {said}"
