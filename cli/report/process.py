"""The process that reports a run beside the one that plays it: python -m simctl.cli.report.process.

It ends when nobody plays the run any more and the tools have all of it. On its standard output it
says which tool failed, and how, a line each. End of file on its standard input means that the run
is over.
"""

import argparse
import select
import sys
from contextlib import closing, suppress
from pathlib import Path

from simctl.cli.follow import Follower
from simctl.cli.report.reporter import PACE, Reporter
from simctl.cli.report.subject import Subject
from simctl.store import address

_PAUSE = 0.2  # seconds between two looks


def main() -> None:
    """Report the run that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--to", required=True)
    wanted = parser.parse_args()
    out = sys.stdout

    def warn(tool: str, text: str) -> None:
        with suppress(OSError):  # nobody may listen any more
            out.write(f"{tool} {text}\n")
            out.flush()

    path: Path = wanted.run_dir
    reporter = Reporter(Subject(path), str(wanted.to).split(","), warn)
    with closing(reporter):
        reporter.open()
        _wait_until_live(path)
        Follower(path, reporter, pace=PACE).follow()


def _wait_until_live(path: Path) -> None:
    """Wait until the run can be followed, or is over: its log is its owner's to open first."""
    while address.find(path) is None:
        over, _, _ = select.select([sys.stdin], [], [], _PAUSE)
        if over:
            return


if __name__ == "__main__":
    main()
