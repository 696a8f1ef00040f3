"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="DIR", help="Where runs are kept")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; may be repeated"),
]
Run = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="A run's directory or name (default: the newest)"),
]

RUNS = Path("runs")
