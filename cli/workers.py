"""Lists the workers of a run: who is there, what they hold, and how fast they are."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from simctl.cli.errors import RunError
from simctl.cli.figures import count
from simctl.cli.formats import Page
from simctl.cli.runs import find_run
from simctl.cli.tables import console, table
from simctl.store import address
from simctl.store.access import open_log
from simctl.store.errors import QueryError

_WORKERS = "SELECT * FROM workers ORDER BY here DESC, worker"


def list_workers(run: str | None, format_: Page, runs_dir: Path) -> None:
    """Print a table of the workers that a run has, or had.

    Raises:
        RunError: there is no such run, or it was played by one process.
    """
    path = find_run(run, runs_dir)
    try:
        with open_log(path) as log:
            found: list[dict[str, Any]] = log.query(_WORKERS).to_pylist()
    except QueryError:  # a log from before there were workers
        found = []
    live = address.find(path) is not None
    told = [each | {"here": each["here"] and live} for each in found]
    if format_ is Page.json:
        sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n")
        return
    if not told:
        raise RunError(
            f"run {path} has had no workers: one process played all roles. A run has them with: "
            "simctl run --bus URL, and simctl worker --bus URL"
        )
    _show(told)


def _show(workers: list[dict[str, Any]]) -> None:
    numbers = ("policy", "holds", "answered", "tokens", "tokens/s", "expired", "rejected")
    listed = table("worker", "state", "roles", numbers=numbers)
    for each in workers:
        listed.add_row(
            each["worker"],
            _state(each),
            ", ".join(each["roles"]),
            "-" if each["version"] is None else f"v{each['version']}",
            *(str(each[name]) for name in ("held", "answered")),
            count(each["tokens"]),
            count(each["tokens_per_second"] or 0),
            *(str(each[name]) for name in ("expired", "rejected")),
        )
    console().print(listed, highlight=False)


def _state(worker: Mapping[str, Any]) -> Text:
    if worker["here"]:
        return Text("here", "bold green")
    return Text(f"left: {worker['reason']}" if worker["reason"] else "gone with the run", "dim")
