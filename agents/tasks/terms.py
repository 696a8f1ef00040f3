"""Terms: the parts of the school. Short problems and the roles that must read come first."""

from dataclasses import dataclass

LONGEST = 10  # operations in the longest problem that is ever shown, in any role


@dataclass(frozen=True, slots=True)
class Term:
    """How long problems are, whether most roles read others' work, and how often labels scramble.

    Copying what a view holds is learnt early, from short views, or not at all. Where labels come in
    any order, a step can only be found by its label and never by counting: that holds at lengths
    which are never shown.
    """

    longest: int = LONGEST
    reading: bool = False
    scrambled: float = 0.15


LAST = Term()
# until this share of the school is over
_EARLIER = (
    (0.05, Term(1, reading=True, scrambled=0.5)),
    (0.15, Term(2, reading=True, scrambled=0.5)),
    (0.33, Term(4, reading=True, scrambled=0.5)),
    (0.50, Term(scrambled=0.5)),
)


def term_at(share: float) -> Term:
    """Return the term when this share of the school is over."""
    return next((term for until, term in _EARLIER if share < until), LAST)
