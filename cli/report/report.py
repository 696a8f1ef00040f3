"""Reports a run to tools from another shell: what has happened, and what comes, to its end."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from simctl.cli.follow import Follower
from simctl.cli.report.reporter import PACE, Reporter
from simctl.cli.report.subject import Subject
from simctl.cli.runs import find_run
from simctl.cli.tables import console, pairs

_INTERRUPTED = 130


def report(run: str | None, tools: Sequence[str], endpoint: str | None, runs_dir: Path) -> int:
    """Report a run; return 0 if every tool has all of it, 1 if not, 130 after Ctrl-C.

    Raises:
        UserError: there is no such run.
        LogBusyError: a process holds its log and does not answer.
    """
    path = find_run(run, runs_dir)
    screen, errors = console(sys.stdout), sys.stderr  # what the tools print goes elsewhere

    def warn(tool: str, text: str) -> None:
        errors.write(f"warning: {tool} was not told all: {text}\n")

    subject = Subject(path)
    reporter = Reporter(subject, tools, warn, endpoint)
    follower = Follower(path, reporter, pace=PACE)
    interrupted = False
    with screen.status(f"reporting {path}"), closing(reporter):
        try:
            reporter.open()
            follower.follow()
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        errors.write(f"run {path} is as it was; go on with: {command(path, tools)}\n")
        return _INTERRUPTED
    facts = pairs()
    for name in tools:
        if name not in reporter.failed:
            facts.add_row(name, looking(name, subject))
    screen.print(facts, highlight=False, soft_wrap=True)
    return 1 if reporter.failed else 0


def command(path: Path, tools: Sequence[str]) -> str:
    """Return what makes tools catch up with a run."""
    return f"simctl report {path} --to {','.join(tools)}"


def looking(tool: str, subject: Subject) -> str:
    """Return how to look at a run in a tool."""
    match tool:
        case "tensorboard":
            return f"tensorboard --logdir {subject.path}"
        case "wandb":
            return f"wandb sync {subject.path}/wandb/offline-run-*, unless it was online"
        case "trackio":
            return f"trackio show, where it is run {subject.told(tool).id}"
        case _:
            return f"sent to {subject.told(tool).id}"
