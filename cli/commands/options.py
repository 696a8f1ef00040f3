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

Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="Runs at the same time")]
Seeds = Annotated[
    list[int] | None,
    typer.Option(metavar="N...", min=0, help="Seeds of each arm, as in --seeds 0 1 2"),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf; without a suffix png and svg"),
]

RUNS = Path("runs")
