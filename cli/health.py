"""Tells how healthy a run is: a verdict in words, the course of its numbers, and SQL for each."""

import json
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simctl.agents.health.levels import Levels
from simctl.cli.checkup import Checkup, checkup
from simctl.cli.cut import Log
from simctl.cli.diagnosis import Diagnosis, diagnose
from simctl.cli.errors import RunError
from simctl.cli.evidence import Sentence, Witness
from simctl.cli.formats import Page
from simctl.cli.page import show
from simctl.cli.runs import find_run
from simctl.cli.tables import console
from simctl.store import address
from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog
from simctl.store.origins import origins

_KNOWN = "SELECT count(*) AS there FROM duckdb_views() WHERE view_name = 'health'"


def tell(run: str | None, round_: int | None, format_: Page, runs_dir: Path) -> None:
    """Print the health of a run after a round, or as far as it came.

    Raises:
        RunError: there is no such run, or no round of it has ended.
    """
    path = find_run(run, runs_dir)
    bring_up_to_date(path)
    with open_log(path) as log:
        tables = _recipe(path, log)
        found = checkup(log, _levels(tables), round_)
        if not found.rounds:
            raise RunError(f"run {path}: no round has ended yet, so there is nothing to tell")
        now = found.rounds[-1]
        levels = found.levels
        began = min(levels.beginning, now)
        witness = Witness(log, now, began, levels.near, levels.targets)
        diagnosis = diagnose(found, witness, tables.get("episode", {}))
    title = f"{path} · {tables.get('name', '?')} · seed {tables.get('seed', 0)} · round {now}"
    if format_ is Page.json:
        told = {"run": str(path), "round": now, **_told(found, diagnosis)}
        sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    else:
        show(console(), path, title, found, diagnosis)


def bring_up_to_date(path: Path) -> None:
    """Let a log that an older simctl wrote have today's views: the SQL asks them."""
    if address.find(path) is None:
        with open_log(path) as log:
            [known] = log.query(_KNOWN).to_pylist()
        if not known["there"]:
            DuckLog(path / LOG, run=path.name).close()


def _recipe(path: Path, log: Log) -> dict[str, Any]:
    """Return the tables of the recipe in force, of whatever version of simctl."""
    known = origins(log)
    if not known:
        raise RunError(f"run {path} has not begun: there is nothing to tell")
    return tomllib.loads(known[-1].recipe)


def _levels(tables: dict[str, Any]) -> Levels:
    return Levels.model_validate(tables.get("health", {}))


def _told(found: Checkup, diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "healthy": diagnosis.healthy,
        "verdict": diagnosis.verdict,
        "findings": [
            {
                **asdict(each.trouble),
                "headline": each.explanation.headline,
                "cause": each.explanation.cause,
                "remedy": each.explanation.remedy,
                "sentences": _sentences(each.sentences),
            }
            for each in diagnosis.findings
        ],
        "past": list(diagnosis.past),
        "sentences": _sentences(diagnosis.sentences),
        "metrics": {name: found.courses[name] for name in sorted(found.courses)},
    }


def _sentences(said: tuple[Sentence, ...]) -> list[dict[str, str]]:
    return [asdict(each) for each in said]
