"""What runs in Ray's processes: a worker of a run, or its trainer. One process, one thing.

Nothing here is imported with torch before the numbers of threads and formats are settled.
"""

import os
import socket
from typing import TYPE_CHECKING

import simctl
from simctl.bus.values import Value
from simctl.cli.numerics import settle

if TYPE_CHECKING:
    from simctl.cli.terms import Terms


class About(Value):
    """A process of the cluster, and the simctl that it has."""

    version: str
    pid: int
    host: str


class _Process:
    """One of Ray's processes."""

    def __init__(self) -> None:
        settle(os.environ)

    def about(self) -> About:
        """Return where it is."""
        return About(version=simctl.__version__, pid=os.getpid(), host=socket.gethostname())


class SimctlWorker(_Process):
    """Plays roles until the run is over."""

    def work(self, terms: "Terms") -> None:
        """Work by `terms`, as `simctl worker` does.

        Raises:
            RunError: the broker cannot be reached, or the run's owner does not want this worker.
        """
        from simctl.cli.worker import say, work  # noqa: PLC0415 - torch is loaded after settling

        work(terms, say)


class SimctlTrainer(_Process):
    """Learns until the run is over."""

    def train(self, run_dir: str) -> int:
        """Train the run in `run_dir`, on whose machine this is; return the exit code."""
        from simctl.trainer.process import main  # noqa: PLC0415 - torch is loaded after settling

        return main(["--run-dir", run_dir])
