"""A family of one's own, as the tests and a user would write it: digits, to be said backwards."""

from random import Random

DIGITS = "0123456789"


def draw(difficulty: int, rng: Random) -> str:
    return "".join(rng.choice(DIGITS) for _ in range(2 * difficulty + 2))


def solve(problem: str) -> str:
    if not problem or not set(problem) <= set(DIGITS):
        raise ValueError("digits are wanted")
    return problem[::-1]


def difficulty(problem: str) -> int:
    return len(problem) // 2 - 1


def steps(solution: str) -> list[str]:
    return list(solution)
