"""The subject of a report: a run, and where in its directory reports keep what they must know."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from simctl.bus.values import Value
from simctl.cli.policies import reader
from simctl.cli.recipe import Recipe, of_run
from simctl.cli.report.sayings import Reader
from simctl.cli.runs import POLICIES, RECIPE_FILE
from simctl.store.policies import PolicyStore

REPORTS = "reports"
PROJECT = "simctl"  # what runs are gathered under where a tool has projects


class Told(Value):
    """What a tool was told last: the event, and how many rows up to it; `id` is what it calls it.

    It is written once all up to `seq` is safe with the tool.
    """

    seq: int = 0
    rows: int = 0
    id: str = ""


class BusyError(Exception):
    """Another process reports the run to this tool."""


@dataclass(frozen=True)
class Subject:
    """A run in the directory `path`."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.path.resolve().name

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe by which it was begun, or by which it went on last."""
        return of_run(self.path / RECIPE_FILE)

    @cached_property
    def read(self) -> Reader:
        """What reads the tokens of its policy; all versions have one tokenizer."""
        store = PolicyStore(self.path / POLICIES)
        return reader(store.path(next(iter(store.versions()), 0)))

    def folder(self) -> Path:
        """Return the directory of its reports, which is there from now on."""
        folder = self.path / REPORTS
        folder.mkdir(exist_ok=True)
        return folder

    def told(self, tool: str) -> Told:
        """Return what a tool was told last."""
        try:
            return Told.model_validate_json((self.folder() / f"{tool}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return Told()

    def tell(self, tool: str, told: Told) -> None:
        """Write down what a tool was told last."""
        file = self.folder() / f"{tool}.json"
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.write_text(told.model_dump_json() + "\n", encoding="utf-8")
        draft.rename(file)

    @contextmanager
    def alone(self, tool: str) -> Generator[None]:
        """Keep other processes from reporting to the same tool, which would double what it has.

        Raises:
            BusyError: another process does.
        """
        with (self.folder() / f".{tool}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BusyError(f"another process reports {self.path} to {tool}") from error
            yield
