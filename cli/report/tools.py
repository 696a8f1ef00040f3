"""Tools that a run can be reported to: their names, and what each must have installed."""

from collections.abc import Sequence
from typing import Protocol

from simctl.bus.event import Event
from simctl.cli.errors import UserError, in_words
from simctl.cli.extras import need
from simctl.cli.report.subject import Subject

TOOLS = {
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "trackio": "trackio",
    "opentelemetry": "opentelemetry.exporter.otlp.proto.http",
}
_NONE = "none"  # as TRL calls it


class Projection(Protocol):
    """What a tool shows of a log, which it hears from its beginning."""

    def hear(self, event: Event) -> None:
        """Take in an event; what the tool has of it already it is not told again."""
        ...

    def close(self) -> None:
        """Tell what is left."""
        ...


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the tools that a command line names, each once: `tensorboard,wandb`, or none.

    Raises:
        UserError: there is no such tool, or its extra is not installed.
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    found = tuple(dict.fromkeys(name for name in names if name != _NONE))
    for name in found:
        if name not in TOOLS:
            raise UserError(f"{name!r} is no tool to report to; it must be {in_words(list(TOOLS))}")
        need(name, TOOLS[name])
    return found


def open_tool(tool: str, subject: Subject, endpoint: str | None = None) -> Projection:
    """Open a tool for a run. Only what is asked for is imported, and only now."""
    # ruff: noqa: PLC0415 - each takes up to a second, and its package may be broken
    from simctl.cli.report.charts import Charts

    match tool:
        case "tensorboard":
            from simctl.cli.report.tensorboard import TensorBoard

            return Charts(TensorBoard(subject), subject.read)
        case "wandb":
            from simctl.cli.report.wandb import WeightsAndBiases

            return Charts(WeightsAndBiases(subject), subject.read)
        case "trackio":
            from simctl.cli.report.trackio import Trackio

            return Charts(Trackio(subject), subject.read)
        case _:
            from simctl.cli.report.opentelemetry import OpenTelemetry

            return OpenTelemetry(subject, endpoint)
