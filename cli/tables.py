"""Tables as all commands print them, and the console that they are printed on."""

from typing import IO

from rich.console import Console
from rich.table import Table

_EVERY_COLUMN = 10_000  # characters: what no terminal shows is cut nowhere


def console(file: IO[str] | None = None) -> Console:
    """Return where a command prints: standard output, or a file."""
    found = Console(file=file)
    if not found.is_terminal:
        found.width = _EVERY_COLUMN
    return found


def table(*texts: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return a table without lines: columns of text, then columns of numbers."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in texts:
        made.add_column(heading, no_wrap=True)
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def pairs() -> Table:
    """Return a table of names and what belongs to them."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    return made
