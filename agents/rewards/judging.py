"""Judging: what a verdict, and the remark that gives it, is worth to who judges."""

from pydantic import Field

from simctl.bus.values import Value


class Judged(Value):
    """A verdict on an answer, the truth, and what is known of the remark that gave the verdict."""

    verdict: bool = Field(description="the answer was said to be right")
    truth: bool = Field(description="it counts as right")
    exact: float = Field(default=0.0, description="the verifier's word on the whole remark")
    told: float = Field(default=0.0, description="the verifier's word on the remark's verdict")
    mended: float = Field(
        default=0.0, ge=0, le=1, description="mean of what revisions that followed count as right"
    )


def exact(j: Judged) -> float:
    """1 for a remark that is right word for word, else 0."""
    return j.exact


def verdict(j: Judged) -> float:
    """1 for the right verdict, else 0."""
    return j.told


def spc(j: Judged) -> float:
    """+1 for the right verdict, else -1 (SPC's critic, 2504.19162)."""
    return 1.0 if j.verdict == j.truth else -1.0


def s2r(j: Judged) -> float:
    """+1 or -1 by the verdict, twice that where the answer is right (S2R, 2502.12853, O19)."""
    return spc(j) * (2.0 if j.truth else 1.0)


def retry(j: Judged) -> float:
    """How far a failure was mended; 0 for an answer that was right (Reflect-Retry-Reward)."""
    return 0.0 if j.truth else j.mended


def correction(j: Judged) -> float:
    """1 for letting a right answer pass; for finding a fault, how far it was mended (Critic-CoT).

    2408.16326 keeps critiques whose refinement succeeds, SCRIT (2501.05727) the same.
    """
    return float(j.verdict) if j.truth else j.mended * (not j.verdict)
