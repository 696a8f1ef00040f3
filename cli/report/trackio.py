"""Trackio: a run in its local database, or wherever its environment variables say.

What the local database has, it is asked for; of one elsewhere it is known what it was told.
"""

import os
import uuid
from collections.abc import Callable

import trackio
from trackio.run import Run
from trackio.sqlite_storage import SQLiteStorage

from simctl.cli.report.charts import configuration
from simctl.cli.report.readings import Reading
from simctl.cli.report.sayings import COLUMNS, rows
from simctl.cli.report.subject import PROJECT, Subject, Told

TOOL = "trackio"
finish: Callable[[], None] = trackio.finish  # which has no types
_ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")  # a Space or a server keeps the rows


class LostRowsError(Exception):
    """Rows did not come to where they are kept: trackio warns of that and goes on."""


class Trackio:
    """Logs one row a reading."""

    def __init__(self, subject: Subject) -> None:
        """Go on with the run that this one is there; a new one for a run that was never told."""
        self._subject = subject
        self._project = os.environ.get("TRACKIO_PROJECT", PROJECT)
        self._told = subject.told(TOOL)
        if not self._told.id:
            self._told = Told(id=_free(self._project, subject.name))
            subject.tell(TOOL, self._told)
        self._opened: Run | None = None
        self._here = not any(os.environ.get(name) for name in _ELSEWHERE)
        self.last = self._kept() if self._here else self._told.seq

    def write(self, reading: Reading) -> None:
        """Log a reading."""
        run = self._run()
        row: dict[str, object] = dict(reading.row)
        if reading.sayings:
            row["completions"] = trackio.Table(columns=list(COLUMNS), data=rows(reading.sayings))
        run.log(row, step=reading.step)
        if reading.alarm:
            run.alert(f"round {reading.step}", reading.alarm, step=reading.step)
        self._told = self._told.model_copy(update={"seq": reading.seq})

    def close(self) -> None:
        """Put what is left into the database.

        Raises:
            LostRowsError: it is not there then.
        """
        if self._opened is None:
            return
        finish()  # not of the run alone, which would be finished again at exit
        if self._here and self._kept() < self._told.seq:
            raise LostRowsError(f"the database of {self._project} has not all rows")
        self._subject.tell(TOOL, self._told)

    def _run(self) -> Run:
        if self._opened is None:
            self._opened = trackio.init(
                project=self._project,
                name=self._told.id,
                group=self._subject.recipe.name,
                config=configuration(self._subject.recipe),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        return self._opened

    def _kept(self) -> int:
        found = SQLiteStorage.get_metric_values(self._project, self._told.id, "seq")
        return max((int(row["value"]) for row in found), default=0)


def _free(project: str, name: str) -> str:
    """Return the name, or one that ends otherwise where another run has it."""
    taken = SQLiteStorage.get_runs(project)
    return f"{name}-{uuid.uuid4().hex[:6]}" if name in taken else name
