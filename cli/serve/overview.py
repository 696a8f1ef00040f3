"""The overview: what a page tells of runs before anybody looks into one."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from simctl.cli.opening import Opener
from simctl.cli.runs import Card, card
from simctl.store.access import LOG

_ALARMS = "SELECT name, raised, text FROM alarms WHERE over_in IS NULL ORDER BY alarm"
_HEAD = """
SELECT (SELECT coalesce(max(version), 0) FROM policy_updated) AS version,
    min(wall_us) AS began_us, max(wall_us) AS last_us FROM events
"""


class Overview:
    """The cards of runs; that of a run which nobody writes is made once."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[Path, tuple[float, Card]] = {}

    def card(self, name: str, path: Path, opener: Opener) -> dict[str, Any]:
        """Return what the list of runs tells of one."""
        written = _written(path)
        known = self._known.get(path)
        if known is None or known[0] != written or known[1].state in {"live", "starting"}:
            known = self._known[path] = (written, card(path, opener))
        return _told(name, known[1])


def head(name: str, path: Path, opener: Opener) -> dict[str, Any]:
    """Return what stands above a run: how far it is, and what is wrong."""
    with opener(path) as log:
        [row] = log.query(_HEAD).to_pylist()
        return {
            **_told(name, card(path, opener, scored=False)),
            **row,
            "last_seq": log.last_seq,
            "alarms": log.query(_ALARMS).to_pylist(),
        }


def _told(name: str, found: Card) -> dict[str, Any]:
    return {**asdict(found), "name": name, "path": str(found.path), "scores": found.scores or {}}


def _written(path: Path) -> float:
    # reading opens the log, which leaves its file as it is
    file = path / LOG
    return file.stat().st_mtime if file.is_file() else 0.0
