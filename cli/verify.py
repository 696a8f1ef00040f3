"""Verifies a run: does its work once more, and says where it comes out in another way."""

import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simctl.agents.memory import Memory, recall
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.event import Event
from simctl.bus.messages import (
    OUTSIDE,
)
from simctl.cli.cut import Log, version_at
from simctl.cli.errors import RunError
from simctl.cli.parts import Part
from simctl.cli.recipe import recorded
from simctl.cli.recorded import RebuildingTrainer, RecordedTrainer
from simctl.cli.reenact import Beginning, Speech, reenact, relearn
from simctl.cli.runs import POLICIES, find_run, is_finished
from simctl.cli.serving import form_of
from simctl.cli.tables import console
from simctl.cli.verdict import Verdict, tell
from simctl.store.access import open_log
from simctl.store.origins import origins, started
from simctl.store.policies import PolicyStore
from simctl.store.said import said
from simctl.store.tape import Flight, Heard, Tape
from simctl.trainer.checkpoint import Gather
from simctl.trainer.muster import Muster
from simctl.trainer.rebuild import WeightsDifferError, rebuild
from simctl.trainer.trainer import HEARD, TRAINER

# the time before a process went on is not the run's
_TOOK = f"""
SELECT coalesce(sum(passed), 0)::DOUBLE / 1e6 AS seconds FROM (
    SELECT seq, kind, wall_us - lag(wall_us) OVER (ORDER BY seq) AS passed FROM events
    WHERE kind NOT IN {OUTSIDE}
) WHERE seq > {{}} AND seq <= {{}} AND kind NOT IN ('run_resumed', 'run_forked')
"""  # noqa: S608 - kinds of our own


def verify(run: str | None, only: Part | None, runs_dir: Path) -> int:
    """Verify a run and print what was found; return 1 where it comes out in another way.

    Raises:
        UserError: there is no such run, it has not begun, or it has no trainer to verify.
        PolicyError: the run's first policy is not what it was.
    """
    path, screen = find_run(run, runs_dir), console()
    with open_log(path) as log:
        case = _Case(path, log)
        if only is Part.trainer and not case.recipe.learns:
            raise RunError(f"run {path} has no trainer: its recipe has no [[objective]]")
        with _progress(screen, case.last_seq) as heard:
            verdict = case.verdict(only, heard)
    tell(screen, verdict)
    return 0 if verdict.divergence is None else 1


class _Case:
    """A run that is to be verified, as far as it came by now."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self.last_seq = log.last_seq
        self._policies = PolicyStore(path / POLICIES)
        self._policies.verify(0)
        self._begin = _beginning(path, log, self._policies)
        self.recipe = self._begin.recipe
        self._vocabulary = Vocabulary(self._policies.path(0))

    def verdict(self, only: Part | None, heard: Heard) -> Verdict:
        """Do the work of the run, or of a part of it, once more."""
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as place, Muster() as muster:
            train = partial(self._trainer, Path(place), muster.learners)
            if only is Part.trainer:
                tape = self._tape(heard, TRAINER)
                relearn(train(), self._begin, self._events(), tape)
            else:
                tape = self._tape(heard)
                alone = only is Part.agents or not self.recipe.learns
                learner = self._recorded(tape) if alone else train()
                speech = Speech(self._vocabulary, form_of(self.recipe, self._policies.path(0)))
                reenact(self._begin, speech, learner, tape)
            divergence = tape.close()
        return Verdict(
            path=self._path,
            tape=tape,
            divergence=divergence,
            since=self._begin.seq,
            machine=self._begin.started.machine,
            decode=self._vocabulary.decode,
            seconds=time.monotonic() - begun,
            run_seconds=self._took(),
        )

    def _took(self) -> float:
        [row] = self._log.query(_TOOK.format(self._begin.seq, self.last_seq)).to_pylist()
        return float(row["seconds"])

    def _events(self) -> Iterator[Event]:
        return self._log.read(self._begin.seq, self.last_seq)

    def _tape(self, heard: Heard, producer: str | None = None) -> Tape:
        """Return the tape of what is said, by one producer or by all."""
        events = (each for each in self._events() if producer in (None, each.producer))
        early, finished = self.recipe.early, is_finished(self._log, self.last_seq)
        flight = None if early is None else Flight(early, self._begin.memory.version)
        return Tape(events, finished=finished, heard=heard, flight=flight)

    def _recorded(self, tape: Tape) -> RecordedTrainer:
        return RecordedTrainer(tape, self._version(), self.recipe.trainer.held)

    def _trainer(self, place: Path, gather: Gather) -> RebuildingTrainer:
        policies, version = PolicyStore(place), self._version()
        try:
            rebuild(self._policies, version, self._log, place, gather=gather)
        except WeightsDifferError as error:
            raise RunError(f"run {self._path}: {error}") from error
        learnt = policies.state(version).event_offset
        before = said(self._log, HEARD, learnt, self._begin.seq) if self._begin.seq else ()
        return RebuildingTrainer(self.recipe.training(), policies, gather, before)

    def _version(self) -> int:
        """Return the last version that was announced where the run is played again from."""
        return version_at(self._log, self._begin.seq) if self._begin.seq else 0


def _beginning(path: Path, log: Log, policies: PolicyStore) -> Beginning:
    """Return the beginning of a run; of a fork by another recipe, where it left its parent."""
    known = origins(log)
    if not known:
        raise RunError(f"run {path} has not begun: there is nothing to verify")
    title = f"the recipe of run {path}"
    first, recipe = (recorded(title, each.recipe) for each in (known[0], known[-1]))
    changes = [b.seq for a, b in pairwise(known) if a.recipe != b.recipe]
    begun = started(log)
    if begun is None:
        raise RunError(f"run {path} has no run_started: there is nothing to verify")
    found = {"seed": first.seed, "policy_sha256": policies.sha256(0)}
    begun, syllabus = begun.model_copy(update=found), recipe.syllabus()
    if changes:
        memory = recall(log.read(until=changes[-1]), syllabus, recipe.watch(), recipe.early)
        memory.incarnation = 0  # the processes before it are not played again
        if memory.round:
            return Beginning(recipe, begun, memory, syllabus, changes[-1])
    memory = Memory(watch=recipe.watch(), early=recipe.early)
    return Beginning(recipe, begun, memory, recipe.syllabus())


@contextmanager
def _progress(screen: Console, last_seq: int) -> Generator[Heard]:
    """Show on a terminal how many events were said again."""
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    with shown:
        task = shown.add_task("", total=last_seq)
        yield lambda said: shown.update(task, completed=said)
