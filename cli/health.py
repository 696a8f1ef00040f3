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
from simctl.cli.opening import open_current
from simctl.cli.page import show
from simctl.cli.runs import find_run
from simctl.cli.tables import console
from simctl.store.origins import origins


def tell(run: str | None, round_: int | None, format_: Page, runs_dir: Path) -> None:
    """Print the health of a run after a round, or as far as it came.

    Raises:
        RunError: there is no such run, or no round of it has ended.
    """
    path = find_run(run, runs_dir)
    with open_current(path) as log:
        tables, found, diagnosis = _examined(path, log, round_)
    now = found.rounds[-1]
    title = f"{path} · {tables.get('name', '?')} · seed {tables.get('seed', 0)} · round {now}"
    if format_ is Page.json:
        told = {"run": str(path), **_told(found, diagnosis)}
        sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    else:
        show(console(), path, title, found, diagnosis)


def report(path: Path, log: Log) -> dict[str, Any]:
    """Return the health of a run, as far as it came, as values.

    Raises:
        RunError: no round of it has ended.
    """
    _, found, diagnosis = _examined(path, log)
    return _told(found, diagnosis)


def _examined(
    path: Path, log: Log, round_: int | None = None
) -> tuple[dict[str, Any], Checkup, Diagnosis]:
    tables = _recipe(path, log)
    found = checkup(log, _levels(tables), round_)
    if not found.rounds:
        raise RunError(f"run {path}: no round has ended yet, so there is nothing to tell")
    levels = found.levels
    began = min(levels.beginning, found.rounds[-1])
    witness = Witness(log, found.rounds[-1], began, levels.near, levels.targets)
    return tables, found, diagnose(found, witness, tables.get("episode", {}))


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
        "round": found.rounds[-1],
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
