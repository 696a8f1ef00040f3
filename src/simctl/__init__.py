"""simctl: a lab for societies of language-model agents that teach themselves.

For notebooks: `run = simctl.open("runs/society-001")`, then `run.sql("...")`. Nothing heavy is
imported before a run is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from simctl.bus.errors import SimctlError

if TYPE_CHECKING:
    from simctl.cli.notebook import Run

__all__ = ["SimctlError", "open"]
__version__ = "0.1.0"


def open(run: str | Path | None = None, runs_dir: str | Path = "runs") -> "Run":  # noqa: A001 - simctl.open
    """Open a run, live or ended, by its directory or its name below `runs_dir`.

    Without `run` it is the newest one.

    Raises:
        SimctlError: there is no such run.
    """
    from simctl.cli.notebook import open_run  # noqa: PLC0415 - `import simctl` is quick

    return open_run(run, runs_dir)
