"""Weights & Biases: a run of its own there, offline unless somebody is logged in.

Rows are numbered by their place in the log, so that its server takes what comes twice once.
"""

import os
import uuid
from typing import Literal

import wandb

from simctl.cli.report.charts import configuration
from simctl.cli.report.readings import Reading
from simctl.cli.report.sayings import COLUMNS, rows
from simctl.cli.report.subject import PROJECT, Subject

TOOL = "wandb"
Mode = Literal["online", "offline", "disabled", "shared"]
_SECONDS = 30.0  # to wait for the service before the tool counts as failed


class WeightsAndBiases:
    """Logs one row a reading, over the axis `step`."""

    def __init__(self, subject: Subject) -> None:
        """Go on with the run that this one is there; a new one for a run that was never told."""
        told = subject.told(TOOL)
        if not told.id:
            told = told.model_copy(update={"id": uuid.uuid4().hex[:12]})
            subject.tell(TOOL, told)
        self.last = told.seq
        self._told, self._subject = told, subject
        self._opened: wandb.Run | None = None

    def write(self, reading: Reading) -> None:
        """Log a reading."""
        run = self._run()
        row: dict[str, object] = {"step": reading.step, **reading.row}
        if reading.sayings:
            row["completions"] = wandb.Table(columns=list(COLUMNS), data=rows(reading.sayings))
        if reading.alarm:
            run.alert(title=f"{self._subject.name}, round {reading.step}", text=reading.alarm)
        run.log(row, step=self._told.rows)
        told = {"seq": reading.seq, "rows": self._told.rows + 1}
        self._told = self._told.model_copy(update=told)

    def close(self) -> None:
        """Send, or write, what is left; only then is it known to be told."""
        if self._opened is not None:
            self._opened.finish()
            self._subject.tell(TOOL, self._told)

    def _run(self) -> wandb.Run:
        if self._opened is None:
            self._opened = _begun(self._subject, self._told.id)
            self._opened.define_metric("step")
            self._opened.define_metric("*", step_metric="step")
        return self._opened


def _begun(subject: Subject, id_: str) -> wandb.Run:
    """Return the run of that id, begun or gone on with, without what else W&B would gather."""
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=subject.name,
        id=id_,
        dir=subject.path,
        group=subject.recipe.name,
        config=configuration(subject.recipe),
        resume="allow",
        mode=_mode(),
        settings=wandb.Settings(
            silent=True,
            console="off",
            save_code=False,
            disable_git=True,
            init_timeout=_SECONDS,
            x_disable_stats=True,
            x_disable_meta=True,
            x_save_requirements=False,
        ),
    )


def _mode() -> Mode:
    """Return how the environment wants it; else online for who is logged in, offline for others."""
    match os.environ.get("WANDB_MODE"):
        case "online" | "offline" | "disabled" | "shared" as wanted:
            return wanted
        case _:
            return "online" if wandb.login(prompt=False, verify=False) else "offline"
