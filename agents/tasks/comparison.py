"""The comparison: a process that reads pairs of texts and says whether their answers are equal.

comparer.py starts it by its path. Each line of its stdin is a JSON list of a reference and an
attempt, each line of its stdout a JSON verdict: true, false, or null where the reference has no
answer that math-verify can read. The first line says that it has started.
"""

import json
import sys
from typing import Any

from math_verify import parse, verify  # type: ignore[import-untyped]


def main() -> None:
    """Compare until nothing more is asked."""
    _equal("1", "$1$")  # what the first comparison loads takes no time of whoever asks
    _say(None)
    for line in sys.stdin:
        reference, attempt = json.loads(line)
        _say(_equal(reference, attempt))


def _say(verdict: bool | None) -> None:
    sys.stdout.write(json.dumps(verdict) + "\n")
    sys.stdout.flush()


def _equal(reference: str, attempt: str) -> bool | None:
    right = _parse(reference)
    if not right:
        return None
    answer = _parse(attempt)
    return bool(answer) and bool(verify(right, answer))


def _parse(text: str) -> list[Any]:
    """Return what math-verify reads in a text: LaTeX without its dollars is LaTeX all the same."""
    bare = "\\" in text and "$" not in text and "\\boxed" not in text and "\n" not in text.strip()
    return list(parse(f"${text.strip()}$" if bare else text))


if __name__ == "__main__":
    main()
