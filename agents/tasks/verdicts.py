"""Verdicts: the marks with which critic and guide judge, in every family of the alphabet."""

from simctl.agents.tasks.environment import Grade

RIGHT, WRONG = ".", "!"  # the critic's, after a step
CLEAN, DEGENERATE = "^", "~"  # the guide's, of a problem
DEGENERATE_SHARE = 0.4  # of a problem that leaves nothing to work out makes it degenerate


def judgement_of(degenerate: float) -> str:
    """Return the right judgement of a problem of which this share leaves nothing to work out."""
    return DEGENERATE if degenerate >= DEGENERATE_SHARE else CLEAN


def critique_grade(right: str, critique: str) -> Grade:
    """Part `exact`: the right critique, word for word; `verdict`: rightly called right or wrong."""
    verdict = (WRONG in critique) == (WRONG in right)
    return Grade(parts={"exact": float(critique == right), "verdict": float(verdict)})


def judgement_grade(right: str, judgement: str) -> Grade:
    """Part `right`: the right judgement."""
    return Grade(parts={"right": float(judgement == right)})
