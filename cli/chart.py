"""Charts: curves of shares in braille dots, four rows and two columns to a character."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row, then column
_LABELS = 4  # characters before the axis


@dataclass(frozen=True)
class Curve:
    """Points (x, y) with y from 0 to 1, and the style that they are drawn in."""

    points: Sequence[tuple[float, float]]
    style: str


def chart(
    curves: Sequence[Curve], *, width: int, height: int, last_x: float, end: str = ""
) -> Text:
    """Return curves on axes from 0 to `last_x` and from 0 to 1; later curves lie on top.

    `end` says what the end of the first axis is: else the round.
    """
    canvas = _Canvas(width - _LABELS - 1, height)
    for curve in curves:
        canvas.draw(curve, last_x)
    text = Text(no_wrap=True)
    for row in range(height):
        label = {0: "1", height // 2: ".5", height - 1: "0"}.get(row, "")
        text.append(f"{label:>{_LABELS}}", "dim")
        text.append("┤" if label else "│", "dim")
        for column in range(canvas.width):
            text.append(*canvas.cell(column, row))
        text.append("\n")
    axis = f"{'':>{_LABELS}}└{'─' * canvas.width}"
    end = end or f"round {last_x:g}"
    ends = f"{'':>{_LABELS + 1}}0{end:>{canvas.width - 1}}"
    return text.append(f"{axis}\n{ends}", "dim")


class _Canvas:
    """Dots by cell."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._height = height
        self._dots: dict[tuple[int, int], int] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def cell(self, column: int, row: int) -> tuple[str, str]:
        """Return the character and the style of a cell."""
        at = (column, row)
        return (chr(_BRAILLE | self._dots[at]), self._styles[at]) if at in self._dots else (" ", "")

    def draw(self, curve: Curve, last_x: float) -> None:
        """Draw straight lines from point to point."""
        right, top = 2 * self.width - 1, 4 * self._height - 1
        dots = [(x / max(last_x, 1e-9) * right, (1 - y) * top) for x, y in curve.points]
        for (x0, y0), (x1, y1) in zip(dots, dots[1:] or dots, strict=False):
            steps = max(1, round(max(abs(x1 - x0), abs(y1 - y0))))
            for step in range(steps + 1):
                part = step / steps
                self._dot(round(x0 + part * (x1 - x0)), round(y0 + part * (y1 - y0)), curve.style)

    def _dot(self, x: int, y: int, style: str) -> None:
        if 0 <= x < 2 * self.width and 0 <= y < 4 * self._height:
            at = (x // 2, y // 4)
            self._dots[at] = self._dots.get(at, 0) | _DOTS[y % 4][x % 2]
            self._styles[at] = style
