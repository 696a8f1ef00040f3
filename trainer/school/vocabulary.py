"""What the school must know of tokens: how many there are, and what some of them do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Token ids by what they do in a text."""

    size: int
    padding: int
    end: int
    field_ends: frozenset[int]  # after these another field of a prompt, or the answer, begins
    operations: frozenset[int]  # between these
    labels: frozenset[int]  # and these one operation of a problem ends and the next begins
