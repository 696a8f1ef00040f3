"""Charts: a log for a tool that draws numbers over steps."""

from collections.abc import Mapping
from typing import Any, Protocol

from simctl.bus.event import Event
from simctl.cli.recipe import Recipe
from simctl.cli.report.readings import Reading, Readings
from simctl.cli.report.sayings import Reader


class Chart(Protocol):
    """A tool's side of it."""

    @property
    def last(self) -> int:
        """The seq of the last reading that the tool has; 0 if it has none."""
        ...

    def write(self, reading: Reading) -> None:
        """Take in a reading that comes after all that the tool has."""
        ...

    def close(self) -> None:
        """Put on the disk, or send, what is not yet there."""
        ...


class Charts:
    """Draws every reading of a log once, whatever was drawn of it before."""

    def __init__(self, chart: Chart, read: Reader) -> None:
        """Draw on `chart`, whose texts are read with `read`."""
        self._chart = chart
        self._readings = Readings(read)
        self._last = chart.last

    def hear(self, event: Event) -> None:
        """Take in an event; the log is heard from its beginning."""
        for reading in self._readings.hear(event):
            if reading.seq > self._last:
                self._chart.write(reading)

    def close(self) -> None:
        """Put on the disk, or send, what is not yet there."""
        self._chart.close()


def configuration(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as the tables of numbers and texts that tools call config."""
    tables: dict[str, Any] = recipe.model_dump(mode="json", exclude={"arms"})
    return tables


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str | float | bool]:
    """Return the same with one dotted name for each value, where only numbers and texts may be."""
    found: dict[str, str | float | bool] = {}
    for name, value in tables.items():
        match value:
            case dict():
                found |= flat(value, f"{prefix}{name}.")
            case list():
                numbered = {str(place): each for place, each in enumerate(value)}
                found |= flat(numbered, f"{prefix}{name}.")
            case str() | float() | int():
                found[prefix + name] = value
            case _:
                pass
    return found
