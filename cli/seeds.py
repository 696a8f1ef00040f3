"""Seeds on the command line: --seeds 0 1 2 is one option and two words, and all three are seeds."""

from collections.abc import Sequence


def told(words: Sequence[str], seeds: Sequence[int]) -> tuple[list[str], tuple[int, ...]]:
    """Return the words that are no numbers, and all seeds, each once and in order."""
    numbers = [int(word) for word in words if word.isdecimal()]
    names = [word for word in words if not word.isdecimal()]
    return names, tuple(dict.fromkeys([*seeds, *numbers]))
