"""The figure of one run or several, as a paper would show it: small panels on common axes.

Every panel says one thing; a run keeps its colour and its dashes in all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from simctl.bus.asks import ROLES
from simctl.cli.plot import LOOK, label, look, tokens_text, write
from simctl.cli.portrait import EIGHTHS, Portrait, Score, binned, smooth

_WIDTH = 7.0  # inches: the text of a paper
_TALL, _LOW = 2.1, 1.35  # inches of a row
_INK, _GRID = "#333333", "#e4e4e4"
_SHADES = "Blues"
_BESIDE = 3  # histograms in a row
_COLUMNS = 40  # of a histogram by round, at most
_PART = 20  # of the rounds: over so many of them a course is smoothed
_GAP = 0.17  # inches from one label to the next
_LOOK = {**LOOK, "font.size": 7.5, "axes.titlesize": 8, "axes.labelsize": 7.5, "axes.titlepad": 5}
_MINUTE, _SHORT = 60.0, 180.0  # seconds; what is shorter is told in seconds
_DIVERSITY = (
    ("tasks/distinct", "Diversity of tasks", "distinct shingles"),
    ("duplicates/archive", "Repeated tasks", "like an earlier one"),
)

Paint = Callable[[Axes], None]


@dataclass(frozen=True)
class _Block:
    """Panels in rows and columns; None leaves a place empty. `bar` tells what the shades mean."""

    paints: Sequence[Sequence[Paint | None]]
    height: float
    level: bool = False  # whether the panels of a row share their vertical axis
    bar: bool = False
    widths: Sequence[float] | None = None


def draw_runs(portraits: Sequence[Portrait], scores: Sequence[str], files: Sequence[Path]) -> None:
    """Draw runs, with these held-out scores, and write the figure to files by their suffix."""
    blocks = [
        *([_accuracy(portraits, scores)] if scores else []),
        *_roles(portraits),
        *_tasks(portraits),
    ]
    with style.context(_LOOK):
        heights = [block.height for block in blocks]
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(blocks), 1, height_ratios=heights, squeeze=False)
        for block, part in zip(blocks, parts[:, 0], strict=True):
            _paint(block, part)
        _settle(figure)
        write(figure, files)


def _settle(figure: Figure) -> None:
    """Leave the panels where the layout puts them, to a ten-thousandth: it differs in last bits."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 4))
    for axes in figure.axes:
        axes.set_position(Bbox(np.round(axes.get_position().get_points(), 4)))


def _paint(block: _Block, part: SubFigure) -> None:
    rows, columns = len(block.paints), max(len(row) for row in block.paints)
    panels = part.subplots(
        rows,
        columns,
        squeeze=False,
        sharey="row" if block.level else "none",
        width_ratios=block.widths or [1.0] * columns,
    )
    for paints, axes_of_row in zip(block.paints, panels, strict=True):
        for paint, axes in zip_longest(paints, axes_of_row):
            axes.grid(axis="y", linewidth=0.5, color=_GRID)
            axes.set_axisbelow(True)
            if paint is None:
                axes.set_axis_off()
            else:
                paint(axes)
    _plain(panels, block)
    if block.bar:
        _bar(part, [panels[0][0]] if block.widths else list(panels[0]))


def _plain(panels: npt.NDArray[Any], block: _Block) -> None:
    """Say once what the panels of a row or a column have in common."""
    if len(block.paints) > 1 or block.level:
        for axes in panels[:, 1:].flat:
            axes.set_ylabel("")
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for axes in panels[1:].flat:
        axes.set_title("", loc="left")


def _bar(part: SubFigure, panels: Sequence[Axes]) -> None:
    shades = ScalarMappable(cmap=_SHADES)
    shades.set_clim(0, 1)
    bar = part.colorbar(shades, ax=panels, fraction=0.04, pad=0.02, aspect=18, ticks=[0, 0.5, 1])
    bar.outline.set_linewidth(0)
    bar.ax.tick_params(length=0)
    bar.set_label("share of tasks")


def _roles(portraits: Sequence[Portrait]) -> list[_Block]:
    """Return what each role earned, above its entropy."""
    numbers = (("reward", "reward/{}/mean"), ("entropy (nats)", "entropy/{}"))
    known = {name for each in portraits for name in each.courses}
    roles = [role for role in ROLES if any(name.format(role) in known for _, name in numbers)]
    rows = [
        [
            _course(portraits, name.format(role), role, unit, shares=name.startswith("reward"))
            if name.format(role) in known
            else None
            for role in roles
        ]
        for unit, name in numbers
        if any(name.format(role) in known for role in roles)
    ]
    return [_Block(rows, _LOW * len(rows))] if rows else []


def _tasks(portraits: Sequence[Portrait]) -> list[_Block]:
    """Return how often the tasks are solved, and how much they differ."""
    diversity = [
        _course(portraits, name, title, unit, shares=True)
        for name, title, unit in _DIVERSITY
        if any(name in each.courses for each in portraits)
    ]
    solved = [each for each in portraits if each.solves]
    if len(portraits) == 1 and solved:
        heat = _heat(solved[0], "How often tasks are solved")
        widths = [1.5, *(1.0 for _ in diversity)]
        return [_Block([[heat, *diversity]], _LOW + 0.3, bar=True, widths=widths)]
    heats = [_heat(each, f"{each.name}: tasks solved") for each in solved]
    beside = min(_BESIDE, len(heats)) or 1
    rows = [heats[at : at + beside] for at in range(0, len(heats), beside)]
    found = [
        _Block([[*row, *[None] * (beside - len(row))]], _LOW + 0.2, level=True, bar=True)
        for row in rows
    ]
    return [*found, _Block([diversity], _LOW + 0.2)] if diversity else found


def _accuracy(portraits: Sequence[Portrait], scores: Sequence[str]) -> _Block:
    kinds = {name.rpartition("/")[2] for name in scores}
    about = scores[0] if len(scores) == 1 else next(iter(kinds)) if len(kinds) == 1 else ""
    lines = [
        (_whose(each, name, several=len(portraits) > 1, scores=scores, kinds=len(kinds)), points)
        for each in portraits
        for name in scores
        if (points := each.scores.get(name))
    ]
    title = f"Held-out accuracy, {about}" if about else "Held-out accuracy"
    last = max((point.seconds for _, points in lines for point in points), default=0.0)
    unit, seconds = ("minutes", _MINUTE) if last >= _SHORT else ("seconds", 1.0)
    paints = [
        _curves(lines, lambda point: point.tokens, title, "tokens"),
        _curves(lines, lambda point: point.seconds / seconds, "", unit),
    ]
    return _Block([paints], _TALL, level=True)


def _whose(
    portrait: Portrait, score: str, *, several: bool, scores: Sequence[str], kinds: int
) -> str:
    """Return what tells a line from the others: the run, the score, or both."""
    suite = score if kinds > 1 else score.rpartition("/")[0]
    parts = [portrait.name] * several + [suite] * (len(scores) > 1 or not several)
    return " ".join(parts)


def _curves(
    lines: Sequence[tuple[str, Sequence[Score]]],
    of: Callable[[Score], float],
    title: str,
    unit: str,
) -> Paint:
    def paint(axes: Axes) -> None:
        ends: list[float] = []
        for at, (_, points) in enumerate(lines):
            colour, dashes = look(at)
            xs, ys = [of(each) for each in points], [each.score for each in points]
            axes.plot(xs, ys, color=colour, linestyle=dashes, linewidth=1.5, clip_on=False)
            axes.plot(xs[-1:], ys[-1:], "o", color=colour, markersize=2.5, clip_on=False)
            ends.append(ys[-1])
        axes.set_xlim(0, max(of(each) for _, points in lines for each in points) or 1)
        _shares(axes)
        axes.set_xlabel(unit)
        axes.set_ylabel("share of problems solved")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_title(title, loc="left")
        if unit == "tokens":
            axes.xaxis.set_major_formatter(FuncFormatter(tokens_text))
        else:  # the last panel of the row has room beside it
            label(axes, [name for name, _ in lines], ends, _GAP / _TALL * 1.3)

    return paint


def _course(
    portraits: Sequence[Portrait], name: str, title: str, unit: str, *, shares: bool
) -> Paint:
    """Paint a number of every run over its rounds: smoothed, and of one run also as it was."""
    last = max(each.rounds for each in portraits)
    window = max(last // _PART, 1)

    def paint(axes: Axes) -> None:
        for at, each in enumerate(portraits):
            course = each.courses.get(name, {})
            rounds, values = list(course), list(course.values())
            colour, dashes = look(at) if len(portraits) > 1 else (_INK, "-")
            if len(portraits) == 1:
                axes.plot(rounds, values, color=colour, linewidth=0.6, alpha=0.3)
            smoothed = smooth(values, window)
            axes.plot(rounds, smoothed, color=colour, linestyle=dashes, linewidth=1.3)
        axes.set_xlim(0, last)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        if shares:
            _shares(axes)
        else:
            axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
            axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_title(title, loc="left")
        axes.set_xlabel(f"round (mean of {window})" if window > 1 else "round")
        axes.set_ylabel(unit)

    return paint


def _shares(axes: Axes) -> None:
    """Let an axis go from 0 to 1, or as far as there is something beyond."""
    low, high = min(0.0, axes.dataLim.y0), max(1.0, axes.dataLim.y1)
    axes.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.yaxis.set_major_locator(
        FixedLocator([0, 0.5, 1]) if (low, high) == (0, 1) else MaxNLocator(3)
    )


def _heat(portrait: Portrait, title: str) -> Paint:
    """Paint which share of a round's tasks has which solve rate."""

    def paint(axes: Axes) -> None:
        edges, shares_X_8 = binned(portrait.solves, _COLUMNS)  # noqa: N806 - rounds, solve rates
        half = 1 / EIGHTHS / 2
        levels = np.linspace(-half, 1 + half, EIGHTHS + 2)
        axes.grid(visible=False)
        axes.pcolormesh(
            edges, levels, np.array(shares_X_8).T, cmap=_SHADES, vmin=0, vmax=1, rasterized=True
        )
        axes.set_yticks([0, 0.5, 1], ["never", "half", "always"])
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_title(title, loc="left")
        axes.set_xlabel("round")

    return paint
