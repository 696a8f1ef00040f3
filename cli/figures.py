"""Figures: numbers and series in few characters."""

from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"
_THOUSAND, _MILLION = 1_000, 1_000_000
_MINUTE, _HOUR = 60, 3600


def count(number: float) -> str:
    """Return a count with three digits: 812, 41.3k, 1.20M."""
    if number < _THOUSAND:
        return f"{number:.0f}"
    if number < _MILLION:
        return _three(number / _THOUSAND) + "k"
    return _three(number / _MILLION) + "M"


def share(value: float | None) -> str:
    """Return a share with two digits, as in .42; what is not known is a dash."""
    if value is None:
        return "-"
    return f"{value:.2f}".replace("0.", ".", 1)


def duration(seconds: float | None) -> str:
    """Return a time as 0:42 or 1:02:03; what is not known is a dash."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    clock = f"{minutes:02d}:{whole % _MINUTE:02d}" if hours else f"{minutes}:{whole % _MINUTE:02d}"
    return f"{hours}:{clock}" if hours else clock


def spark(values: Sequence[float], width: int = 8, top: float | None = None) -> str:
    """Return a line of blocks: the course of `values` in at most `width` characters from 0."""
    if not values:
        return ""
    shown = _thinned(values, width)
    highest = top or max(*shown, 1e-9)
    last = len(_BLOCKS) - 1
    levels = (max(0, min(last, round(value / highest * last))) for value in shown)
    return "".join(_BLOCKS[level] for level in levels)


def trend(values: Sequence[float], least: float = 0.02) -> str:
    """Return an arrow: where the later third of a series stands against the earlier one."""
    third = len(values) // 3
    if not third:
        return "→"
    change = sum(values[-third:]) / third - sum(values[:third]) / third
    if abs(change) < least:
        return "→"
    return "↗" if change > 0 else "↘"


def _thinned(values: Sequence[float], width: int) -> list[float]:
    """Return `width` values: means of neighbours, so that no spike decides."""
    if len(values) <= width:
        return list(values)
    edges = [round(at * len(values) / width) for at in range(width + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def _three(number: float) -> str:
    digits = 2 if number < 10 else 1 if number < 100 else 0  # noqa: PLR2004 - powers of ten
    return f"{number:.{digits}f}"
