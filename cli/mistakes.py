"""Mistakes: what pydantic found wrong with a recipe, said in the recipe's own words."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simctl.cli.errors import in_words
from simctl.cli.keys import dotted, keys_at, models_at, nearest
from simctl.cli.toml import literal

_SHOWN = 60  # characters of a wrong value

# what a value must be, by pydantic's name of the mistake
_MUST: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_equal": lambda ctx: f"be at least {ctx['ge']:g}",
    "greater_than": lambda ctx: f"be more than {ctx['gt']:g}",
    "less_than_equal": lambda ctx: f"be at most {ctx['le']:g}",
    "less_than": lambda ctx: f"be less than {ctx['lt']:g}",
    "int_type": lambda _: "be a whole number",
    "int_parsing": lambda _: "be a whole number",
    "int_from_float": lambda _: "be a whole number",
    "float_type": lambda _: "be a number",
    "finite_number": lambda _: "be a finite number",
    "bool_type": lambda _: "be true or false",
    "string_type": lambda _: "be text",
    "tuple_type": lambda _: "be a list",
    "model_type": lambda _: "be a table",
    "model_attributes_type": lambda _: "be a table",
    "dict_type": lambda _: "be a table",
    "literal_error": lambda ctx: f"be {ctx['expected']}".replace("'", '"'),
}


def mistakes(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Return one sentence for each mistake: the key, the value, and what is allowed."""
    found = error.errors(include_url=False)
    # what follows from a mistake says nothing new
    found = [each for each in found if each["type"] != "default_factory_not_called"]
    places = [each["loc"] for each in found]
    # a list is also "too short" for every member that is wrong: that says nothing new
    return [
        _mistake(each, root)
        for each in found
        if not any(
            len(place) > len(each["loc"]) > 0 and place[: len(each["loc"])] == each["loc"]
            for place in places
        )
    ]


def _mistake(error: ErrorDetails, root: type[BaseModel]) -> str:
    place, kind, context = error["loc"], error["type"], error.get("ctx", {})
    key = dotted(root, place)
    match kind:
        case "extra_forbidden":
            return _unknown_key(place, root)
        case "missing":
            return f"{key} is missing"
        case "union_tag_not_found" | "union_tag_invalid":
            return _wrong_kind(key, list(models_at(root, place)), context)
        case "value_error":
            return f"{key}: {context['error']}" if key else str(context["error"])
        case _ if kind in _MUST:
            return f"{key} is {_shown(error['input'])}; it must {_MUST[kind](context)}"
        case _:
            return f"{key} is {_shown(error['input'])}: {error['msg']}"


def _unknown_key(place: tuple[int | str, ...], root: type[BaseModel]) -> str:
    allowed = nearest(str(place[-1]), keys_at(root, place[:-1]))
    return f"{dotted(root, place)} is no key; allowed here: {', '.join(allowed)}"


def _wrong_kind(key: str, kinds: list[str], context: dict[str, Any]) -> str:
    allowed = in_words([f'"{kind}"' for kind in kinds])
    tag = context.get("tag")
    if tag is None:
        return f"{key}.kind is missing; it must be {allowed}"
    return f'{key}.kind is "{tag}"; it must be {allowed}'


def _shown(value: Any) -> str:
    text = literal(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
