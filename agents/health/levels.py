"""Levels: from where on a number of a society's health is an alarm."""

from pydantic import Field

from simctl.bus.values import Value


class Levels(Value):
    """What is measured after each round, and the bounds; those of the collapses in the literature.

    Beginning means the mean of the first `beginning` rounds that have the number. An alarm is
    raised in the second round in a row that is beyond a bound, and is over in the second that
    is not.
    """

    measured: bool = Field(default=True, description="measure every round, and raise alarms")
    beginning: int = Field(
        default=3, ge=1, description="first rounds, whose mean later ones are compared with"
    )
    least: int = Field(
        default=8, ge=1, description="fewest groups, tasks or answers that a share is judged by"
    )
    informative: float = Field(
        default=0.3, ge=0, le=1, description="least share of groups in which rewards differ"
    )
    valid_drop: float = Field(
        default=0.2, ge=0, le=1, description="how far the share of valid tasks may fall"
    )
    valid: float = Field(
        default=0.2, ge=0, le=1, description="least share of valid tasks, however it began"
    )
    growth: float = Field(
        default=3.0, gt=1, description="times its beginning that a length or another size may reach"
    )
    near: float = Field(
        default=0.9, gt=0, le=1, description="Jaccard similarity from which tasks count as one"
    )
    archive: int = Field(
        default=10_000, ge=1, description="tasks of earlier rounds that new ones are compared with"
    )
    duplicates: float = Field(
        default=0.2, ge=0, le=1, description="largest share of tasks that were posed before"
    )
    cluster: float = Field(
        default=0.1, ge=0, le=1, description="largest share of a round's tasks that are alike"
    )
    label_accuracy: float = Field(
        default=0.7, ge=0, le=1, description="least share of labels that the verifier agrees with"
    )
    entropy_low: float = Field(
        default=0.25, ge=0, description="times its beginning that entropy may fall to"
    )
    entropy_high: float = Field(
        default=2.0, gt=1, description="times its beginning that entropy may rise to"
    )
    targets: str = Field(
        default="targets", description="suite whose greedy score must rise with the solve rate"
    )
    mastered: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="such a score from which sure answers to easy tasks may be",
    )
    harder: float = Field(
        default=1.1, ge=0, description="times its beginning that their difficulty must reach then"
    )
    flat: float = Field(
        default=0.01, ge=0, description="rise of that score over two evaluations that is none"
    )
    rise: float = Field(
        default=0.1, gt=0, description="rise of the solve rate meanwhile that makes it an alarm"
    )
    pass_drop: float = Field(
        default=0.05, ge=0, description="how far pass@k may fall below that of the first policy"
    )
    errors: float = Field(
        default=0.01, ge=0, le=1, description="largest share of episodes and grades that failed"
    )
