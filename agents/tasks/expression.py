"""Expressions: signed numbers, read from left to right, and how they can go on to a target."""

import re
from dataclasses import dataclass
from functools import lru_cache

SIGNS = "+-*"
_TERM = re.compile(r"[+\-*]?[0-9]+|[\s\S]")
_EXPRESSION = re.compile(r"[0-9]{1,6}(?:[+\-*][0-9]{1,6}){0,15}")


def terms(attempt: str) -> list[str]:
    """Cut an expression into signed numbers; what is none stands alone."""
    return _TERM.findall(attempt)


def apply(value: int, sign: str, number: int) -> int:
    """Work out one operation."""
    match sign:
        case "+":
            return value + number
        case "-":
            return value - number
        case _:
            return value * number


@dataclass(frozen=True, slots=True)
class Place:
    """A beginning: the value so far (None before the first number) and the numbers left, sorted."""

    value: int | None
    left: tuple[int, ...]

    def after(self, term: str, most: int) -> "Place | None":
        """Return the place after a term; None where no problem allows it."""
        sign, number = (term[0], term[1:]) if term[:1] in SIGNS else ("", term)
        at = next((at for at, each in enumerate(self.left) if str(each) == number), None)
        if at is None or (sign == "") != (self.value is None):
            return None
        used = self.left[at]
        value = used if self.value is None else apply(self.value, sign, used)
        if not 0 <= value <= most:
            return None
        return Place(value, self.left[:at] + self.left[at + 1 :])

    @property
    def terms(self) -> list[str]:
        """The terms that could stand here, whatever comes of them."""
        numbers = dict.fromkeys(self.left)
        signs = ("",) if self.value is None else SIGNS
        return [f"{sign}{number}" for number in numbers for sign in signs]


@lru_cache(maxsize=1 << 18)
def way(place: Place, target: int, most: int) -> tuple[str, ...] | None:
    """Return the first terms by which a place ends at the target; None where none do."""
    if not place.left:
        return () if place.value == target else None
    for term in place.terms:
        after = place.after(term, most)
        found = None if after is None else way(after, target, most)
        if found is not None:
            return (term, *found)
    return None


def value_of(expression: str) -> int | None:
    """Return what an expression of at most sixteen terms comes to; None for what is none."""
    if _EXPRESSION.fullmatch(expression) is None:
        return None
    first, *others = terms(expression)
    value = int(first)
    for term in others:
        value = apply(value, term[0], int(term[1:]))
    return value
