"""Watches a run that another process plays: recalls its log, and follows it to its end."""

import sys
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from simctl.cli.errors import RunError
from simctl.cli.follow import Follower
from simctl.cli.progress import Progress
from simctl.cli.runs import find_run
from simctl.cli.show import view
from simctl.cli.summary import next_steps, summarise
from simctl.cli.tables import console

_INTERRUPTED = 130
_ENDS = {"finished": "it finished", "interrupted": "it was interrupted", "failed": "it failed"}


def watch(name: str | None, runs_dir: Path) -> int:
    """Show a run until it ends; return 0 if it finished, 1 if not, 130 if nobody watches any more.

    Of a run that is not live, tell how it ended.

    Raises:
        RunError: there is no such run, or nothing of it was played.
        LogBusyError: a process holds its log and does not answer.
    """
    path, screen = find_run(name, runs_dir), console()
    shown = view(screen, clock=time.time)
    follower = Follower(path, shown, lambda: screen.status("reading the log"))
    try:
        with closing(shown):
            follower.follow()
    except KeyboardInterrupt:
        sys.stderr.write(f"run {path} goes on; look again with: simctl watch {path}\n")
        return _INTERRUPTED
    return _tell(screen, path, shown.progress, live=follower.joined)


def _tell(screen: Console, path: Path, progress: Progress, *, live: bool) -> int:
    if not progress.events:
        raise RunError(f"run {path} is not live, and has not begun: simctl run --resume {path}")
    ended = progress.ended
    how = _ENDS[ended.reason] if ended else "it broke off"
    if ended and ended.detail:
        how += f": {ended.detail}"
    finished = ended is not None and ended.reason == "finished"
    summarise(screen, progress, path)
    for step in next_steps(path, finished=finished):
        screen.print(f"  {step}", style="cyan", markup=False, highlight=False, soft_wrap=True)
    about = f"run {path} ended" if live else f"run {path} is not live"
    sys.stderr.write(f"{about}: {how}\n")
    return 0 if finished else 1
