"""Measured: all that an episode found out about one posed task, for the reward of its poser."""

from pydantic import Field

from simctl.bus.values import Value


class Measured(Value):
    """What was measured of a valid task. What nobody measured keeps its default and pays nothing.

    Shares are in [0, 1]. Where a vote stands for the verifier, `majority` is the share of the
    commonest answer among those that could be read, and `matched` whether it is the poser's own.
    """

    solve_rate: float = Field(default=0.0, ge=0, le=1, description="share of right attempts, s")
    attempts: int = Field(default=8, ge=1, description="how many attempts, n")
    majority: float | None = Field(default=None, ge=0, le=1, description="share of the vote")
    matched: bool = Field(default=True, description="whether the vote is the poser's own answer")
    followed: float | None = Field(
        default=None, ge=0, le=1, description="mean share of the task's demands that attempts met"
    )
    diversity: float = Field(
        default=1.0, ge=0, le=1, description="share of earlier tasks that are unlike this one"
    )
    form: float = Field(default=0.0, ge=0, le=1, description="score of the form it was posed in")
    tool_calls: int = Field(default=0, ge=0, description="answers of tools in what the poser said")
    changed: float = Field(
        default=0.0, ge=0, le=1, description="share of attempts that changed the task instead"
    )
    fooled: float = Field(
        default=0.0, ge=0, le=1, description="share of critics that a planted error got past"
    )
    outcome: float = Field(default=0.0, description="what the poser's side of a game was worth")

    @property
    def agreement(self) -> float:
        """Return the share of the vote, or the solve rate where nobody voted."""
        return self.solve_rate if self.majority is None else self.majority

    @property
    def undecided(self) -> bool:
        """Return whether some attempts were right and some were not."""
        return 0.0 < self.solve_rate < 1.0
