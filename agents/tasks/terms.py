"""Terms: the parts of the school. Short problems and the roles that must read come first."""

from dataclasses import dataclass

LONGEST = 10  # operations in the longest problem that is ever shown, in any role
_EARLY = ((0.05, 1), (0.15, 2), (0.33, 4))  # until this share of the school, the longest problem


@dataclass(frozen=True, slots=True)
class Term:
    """How long problems are, and whether there are mostly the roles that read others' work.

    Copying what a view holds is learnt early, from short views, or not at all.
    """

    longest: int = LONGEST
    reading: bool = False


LAST = Term()


def term_at(share: float) -> Term:
    """Return the term when this share of the school is over."""
    return next((Term(length, reading=True) for until, length in _EARLY if share < until), LAST)
