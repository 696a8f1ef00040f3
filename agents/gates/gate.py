"""A gate: one figure of a policy, and the bound that it must keep."""

from pydantic import Field

from simctl.bus.values import Value


class Gate(Value):
    """A measured figure with its bound. `group` is the gate of the design it belongs to."""

    group: str
    name: str
    value: float
    least: float | None = Field(default=None, description="the value must not be below")
    most: float | None = Field(default=None, description="the value must not be above")
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value keeps its bounds; a figure without bounds is only told."""
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def bound(self) -> str:
        """The bounds as text."""
        least = "" if self.least is None else f">= {self.least:.2f}"
        most = "" if self.most is None else f"<= {self.most:.2f}"
        return " ".join(each for each in (least, most) if each)
