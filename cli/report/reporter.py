"""A reporter: tells a run to tools. What goes wrong with one of them is told, and stays with it."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

from simctl.bus.event import Event
from simctl.cli.recipe import Recipe
from simctl.cli.report.subject import BusyError, Subject
from simctl.cli.report.tools import Projection, open_tool

Warn = Callable[[str, str], None]
PACE = 1.0  # seconds between two looks at a live run
CHATTER = "report.log"  # what the tools print


class Reporter:
    """Hears a log, and passes it on to every tool that still works."""

    def __init__(
        self, subject: Subject, tools: Sequence[str], warn: Warn, endpoint: str | None = None
    ) -> None:
        """Report `subject` to tools by name; `warn` is told which one failed, and how, once.

        `endpoint` is the collector of traces, if not the one that its variables name.
        """
        self._subject, self._tools, self._warn = subject, tools, warn
        self._endpoint = endpoint
        self._open: dict[str, Projection] = {}
        self._held = ExitStack()
        self.failed: list[str] = []

    def open(self) -> None:
        """Open the tools, each for this process alone; what they print goes to a file."""
        chatter = (self._subject.folder() / CHATTER).open("a", buffering=1, encoding="utf-8")
        self._held.enter_context(chatter)
        self._held.enter_context(contextlib.redirect_stdout(chatter))
        self._held.enter_context(contextlib.redirect_stderr(chatter))
        for name in self._tools:
            with self._guarded(name):
                self._held.enter_context(self._subject.alone(name))
                self._open[name] = open_tool(name, self._subject, self._endpoint)

    def recall(self, event: Event) -> None:
        """Hear an event of the past: all are told alike."""
        self.hear(event)

    def joined(self, run_dir: Path, recipe: Recipe) -> None:
        """Hear that the run is live."""

    def hear(self, event: Event) -> None:
        """Hear an event."""
        for name, tool in list(self._open.items()):
            with self._guarded(name):
                tool.hear(event)

    def close(self) -> None:
        """Close the tools, and let others report to them."""
        for name, tool in list(self._open.items()):
            with self._guarded(name):
                tool.close()
        self._open.clear()
        self._held.close()

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Generator[None]:
        try:
            yield
        except BusyError as error:
            self._drop(name, f"{error}; it goes on there")
        except Exception as error:  # noqa: BLE001 - a tool's trouble is not the run's
            self._drop(name, " ".join(f"{type(error).__name__}: {error}".split()))

    def _drop(self, name: str, text: str) -> None:
        self._open.pop(name, None)
        self.failed.append(name)
        self._warn(name, text)
