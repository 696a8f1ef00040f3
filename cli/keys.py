"""Keys: what may stand at which place of a recipe. Read off the classes, so never out of date."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

Place = tuple[int | str, ...]


def models_in(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the classes that a type names, by their `kind` ("" for a class without one)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        return {str(kind.default) if kind else "": annotation}
    found: dict[str, type[BaseModel]] = {}
    for part in get_args(annotation):
        found |= models_in(part)
    return found


def models_at(root: type[BaseModel], place: Place) -> dict[str, type[BaseModel]]:
    """Return the classes that may stand at a place, by kind; none where no table can be.

    A place names keys, list positions (which change nothing), and may name the kind after a key
    whose table can be of several kinds, as pydantic's places do.
    """
    found = {"": root}
    for part in place:
        if isinstance(part, int):
            continue
        if len(found) > 1 and part in found:
            found = {part: found[part]}
            continue
        fields = [
            model.model_fields[part] for model in found.values() if part in model.model_fields
        ]
        found = {
            kind: model for field in fields for kind, model in models_in(field.annotation).items()
        }
    return found


def keys_at(root: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that are allowed at a place."""
    keys = (key for model in models_at(root, place).values() for key in model.model_fields)
    return list(dict.fromkeys(keys))


def dotted(root: type[BaseModel], place: Place) -> str:
    """Return a place as it is written in TOML and after --set: without the kinds."""
    parts: list[str] = []
    for at, part in enumerate(place):
        if isinstance(part, int) or not _is_kind(models_at(root, place[:at]), part):
            parts.append(str(part))
    return ".".join(parts)


def nearest(name: str, names: list[str]) -> list[str]:
    """Return all names, those most like `name` first."""
    close = get_close_matches(name, names, n=max(len(names), 1), cutoff=0.5)
    return close + [each for each in names if each not in close]


def _is_kind(models: dict[str, type[BaseModel]], part: str) -> bool:
    return len(models) > 1 and part in models
