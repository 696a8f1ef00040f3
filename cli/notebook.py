"""A run as a notebook has it: asked, read and exported by a few calls, live or ended."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Self

import pyarrow as pa

from simctl.bus.asks import Role
from simctl.bus.event import Event
from simctl.cli.cut import Log
from simctl.cli.export.choices import File, Form
from simctl.cli.export.dataset import Dataset, export
from simctl.cli.export.wanted import Wanted
from simctl.cli.opening import open_current
from simctl.cli.query import FRIENDLY, friendly
from simctl.cli.recipe import Recipe, of_run
from simctl.cli.runs import POLICIES, RECIPE_FILE, find_run
from simctl.store import address
from simctl.store.policies import PolicyMissingError, PolicyStore


class Run:
    """A run on disk. What goes wrong raises a `simctl.SimctlError` that says what to do.

    Every question opens the log for itself, so that a notebook left open stands in nobody's way:
    a run that ended can be resumed meanwhile, and a live one may end. Within a `with` the log stays
    open, which is quicker for many questions.
    """

    def __init__(self, path: Path) -> None:
        """Have the run in the directory `path`."""
        self.path = path
        self._held: Log | None = None

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.path.resolve().name

    @property
    def live(self) -> bool:
        """Whether a process owns the run now."""
        return address.find(self.path) is not None

    @property
    def recipe(self) -> Recipe:
        """The recipe by which it was begun, or by which it went on last."""
        return of_run(self.path / RECIPE_FILE)

    @property
    def views(self) -> Mapping[str, str]:
        """The views and macros that `sql` can ask, and what each holds.

        There is also one view for each kind of event, such as attempt_made.
        """
        rows = friendly(self.sql(FRIENDLY)).to_pylist()
        return {str(row["name"]): str(row["holds"]) for row in rows}

    def sql(self, question: str) -> pa.Table:
        """Return the rows that one read-only SQL statement asks for, as an Arrow table.

        Raises:
            SimctlError: it is wrong, not allowed or too expensive, or the log cannot be read.
        """
        with self._log() as log:
            return log.query(question)

    def events(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order; of a live run those until now.

        Raises:
            SimctlError: the log cannot be read.
        """
        with self._log() as log:
            yield from log.read(after, until)

    def policy(self, version: int | None = None) -> Path:
        """Return the directory of a policy version, of the last one by default.

        transformers loads it, as in `AutoModelForCausalLM.from_pretrained(run.policy())`.

        Raises:
            SimctlError: there is no such version.
        """
        store = PolicyStore(self.path / POLICIES)
        wanted = store.latest() if version is None else version
        known = store.versions()
        if wanted not in known:
            there = f"it has 0 to {known[-1]}" if known else "it has none"
            raise PolicyMissingError(f"run {self.path} has no policy version {wanted}; {there}")
        return store.path(wanted)

    def export(  # noqa: PLR0913 - what the command's options say
        self,
        form: Form,
        out: str | Path | None = None,
        *,
        where: str = "",
        roles: Sequence[Role] = (),
        threshold: float = 1.0,
        pairs: int | None = None,
        conversational: bool = False,
        file: File = "parquet",
    ) -> Dataset:
        """Make a dataset of what was said, as `simctl export` does; `Wanted` says what is what.

        Raises:
            SimctlError: no answer is left, `out` exists, or the condition is wrong.
            ValueError: a setting has a value that it cannot have.
        """
        wanted = Wanted(
            form=form,
            where=where,
            roles=tuple(roles),
            threshold=threshold,
            pairs=pairs,
            conversational=conversational,
            file=file,
        )
        return export(self.path, wanted, None if out is None else Path(out))

    def close(self) -> None:
        """Let go of the log."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def __enter__(self) -> Self:
        """Keep the log open from now on."""
        self.close()
        self._held = open_current(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the log."""
        self.close()

    def __repr__(self) -> str:
        return f"simctl.open({str(self.path)!r})"

    def _log(self) -> AbstractContextManager[Log]:
        return open_current(self.path) if self._held is None else nullcontext(self._held)


def open_run(run: str | Path | None, runs_dir: str | Path) -> Run:
    """Return a run by its directory or its name; without one the newest.

    Raises:
        SimctlError: there is none.
    """
    return Run(find_run(None if run is None else str(run), Path(runs_dir)))
