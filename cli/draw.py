"""Draws runs: as a figure in files, or as a sketch in the terminal."""

from collections.abc import Sequence
from pathlib import Path

from simctl.cli.portrait import chosen, portray
from simctl.cli.runs import find_run
from simctl.cli.sketch import sketch
from simctl.cli.tables import console

_REDIRECTED = 100  # columns where there is no terminal


def draw(names: Sequence[str], metrics: Sequence[str], out: Path | None, runs_dir: Path) -> None:
    """Draw these runs, or the newest; say which files were written.

    Raises:
        RunError: one of them is no run, or has nothing to show yet.
        UserError: no run has a score that was asked for, or a file's suffix is none of a plot.
    """
    places = [find_run(name, runs_dir) for name in names] or [find_run(None, runs_dir)]
    screen = console()
    if out is None:
        portraits = [portray(each) for each in places]
        width = screen.width if screen.is_terminal else _REDIRECTED
        screen.print(sketch(portraits, chosen(portraits, metrics), width), highlight=False)
        return
    from simctl.cli.figure import draw_runs  # noqa: PLC0415 - matplotlib is an extra
    from simctl.cli.plot import files  # noqa: PLC0415

    wanted = files(out)
    portraits = [portray(each) for each in places]
    draw_runs(portraits, chosen(portraits, metrics), wanted)
    for file in wanted:
        screen.print(f"plot: {file}", markup=False, highlight=False, soft_wrap=True)
