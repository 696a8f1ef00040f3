"""Plots of comparisons, as a paper would show them: medians over the seeds with their range.

The colours are those of Okabe and Ito (2008), which people who see fewer colours can tell apart;
line styles and labels at the lines say the same once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simctl.cli.curves import Curve
from simctl.cli.errors import UserError

SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_POINTS = 241  # of the common grid
_WIDTH, _HEIGHT = 5.6, 3.3  # inches
_TOPS = (0.1, 0.2, 0.5, 1.0)  # where the axis of a share may end: plots of one kind compare
_GAP = 0.2  # inches from one label to the next
LOOK: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "simctl",  # the same plot gives the same file
}


@dataclass(frozen=True)
class Line:
    """The runs of one arm."""

    name: str
    curves: Sequence[Curve]


def files(out: Path | None) -> tuple[Path, ...]:
    """Return the files that a plot is written to: without a suffix two of them.

    Raises:
        UserError: no plot can be written in the format of its suffix.
    """
    if out is None:
        return ()
    if not out.suffix:
        return (out.with_suffix(".png"), out.with_suffix(".svg"))
    if out.suffix not in SUFFIXES:
        raise UserError(f"--out {out}: a plot can be {', '.join(SUFFIXES)}")
    return (out,)


def draw(
    lines: Sequence[Line], budget: float, files: Sequence[Path], *, title: str, score: str
) -> None:
    """Draw arms over the tokens spent, up to the budget, and write it to files by their suffix.

    `title` stands above, `score` names the vertical axis. Arms without a run are left out.
    """
    known = [line for line in lines if line.curves]
    with style.context(LOOK):
        height = max(_HEIGHT, _GAP * (len(known) + 2))  # every label has room
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        grid = np.linspace(0.0, budget, _POINTS)
        ends = [_line(axes, grid, line, at) for at, line in enumerate(known)]
        _axes(axes, budget, shares=all(_is_share(line) for line in known))
        label(axes, [line.name for line in known], ends, _GAP / height)
        axes.set_title(title, loc="left")
        axes.set_xlabel(f"tokens, sampled or scored by a teacher ({_runs(known)})")
        axes.set_ylabel(score)
        write(figure, files)


def write(figure: Figure, files: Sequence[Path]) -> None:
    """Write a figure to files by their suffix, the same bytes each time."""
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        clock = {".svg": "Date", ".pdf": "CreationDate"}.get(file.suffix)
        metadata = {clock: None} if clock else None
        figure.savefig(file, dpi=220, metadata=metadata, bbox_inches="tight")


def _line(axes: Axes, grid: npt.NDArray[np.float64], line: Line, at: int) -> float:
    """Draw the median and the range of an arm; return where it ends."""
    scores_S_X = np.array([curve.on(list(grid)) for curve in line.curves])  # noqa: N806 - seeds, tokens
    middle = np.median(scores_S_X, axis=0)
    colour, dashes = look(at)
    if len(line.curves) > 1:
        low, high = scores_S_X.min(axis=0), scores_S_X.max(axis=0)
        axes.fill_between(grid, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(grid, middle, color=colour, linestyle=dashes, linewidth=1.6, solid_capstyle="round")
    return float(middle[-1])


def _axes(axes: Axes, budget: float, *, shares: bool) -> None:
    axes.set_xlim(0, budget)
    if shares:
        top = next(each for each in _TOPS if axes.dataLim.y1 <= each)
        axes.set_ylim(-0.015 * top, 1.015 * top)
        axes.spines["left"].set_bounds(0, top)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(tokens_text))
    axes.grid(axis="y", linewidth=0.5, color="#dddddd")
    axes.set_axisbelow(True)


def label(axes: Axes, names: Sequence[str], ends: Sequence[float], gap: float) -> None:
    """Write the name of each line where it ends, each clear of the others."""
    low, high = axes.get_ylim()
    wanted = [(end - low) / (high - low) for end in ends]
    for at, (name, place) in enumerate(zip(names, spaced(wanted, gap), strict=True)):
        axes.annotate(
            name,
            xy=(1.0, wanted[at]),
            xytext=(1.035, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=look(at)[0],
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "relpos": (0, 0.5),  # to where the name begins
                "color": look(at)[0],
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )


def spaced(wanted: Sequence[float], gap: float) -> list[float]:
    """Return places from 0 to 1 near the wanted ones, in the same order and a gap apart.

    Where they do not fit, they are as far apart as there is room.
    """
    last = len(wanted) - 1
    gap = min(gap, 1 / max(last, 1))
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    places = [0.0] * len(wanted)
    floor = 0.0
    for rank, at in enumerate(order):
        ceiling = 1 - gap * (last - rank)  # leaves room for those above
        places[at] = min(max(wanted[at], floor), ceiling)
        floor = places[at] + gap
    return places


def look(at: int) -> tuple[str, str | tuple[float, tuple[float, ...]]]:
    """Return the colour and the dashes of a line by its number."""
    return _COLOURS[at % len(_COLOURS)], _STYLES[(at // len(_COLOURS) + at) % len(_STYLES)]


def _is_share(line: Line) -> bool:
    return all(0 <= score <= 1 for curve in line.curves for score in curve.scores)


def _runs(lines: Sequence[Line]) -> str:
    numbers = sorted({len(line.curves) for line in lines})
    if numbers in ([], [1]):
        return "one seed"
    most = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
    return f"median and range of {most} seeds"


def tokens_text(number: float, _: int | None = None) -> str:
    """Return a number of tokens as an axis shows it."""
    return f"{number / 1000:g}k" if number else "0"
