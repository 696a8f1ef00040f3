"""What of a run is wanted as a dataset, and in which form."""

from pydantic import Field

from simctl.bus.asks import Role
from simctl.bus.values import Value
from simctl.cli.export.choices import File, Form


class Wanted(Value):
    """What is exported. The forms are the dataset types of TRL.

    An answer is right if it earned `threshold` or more; what the school demonstrates is right
    without a grade. Answers that nobody graded are in no form but prompts.
    """

    form: Form
    where: str = Field(default="", description="SQL condition that an answer must meet")
    roles: tuple[Role, ...] = Field(default=(), description="Whose answers; none: everybody's")
    threshold: float = Field(default=1.0, description="Least reward of a right answer")
    pairs: int | None = Field(default=None, ge=1, description="Most pairs of a prompt; none: all")
    file: File = "parquet"
    conversational: bool = Field(default=False, description="Texts as messages of user, assistant")
