"""Verifies a run: does its work once more, and says where it comes out in another way."""

import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.messages import RunStarted
from simctl.cli.errors import RunError
from simctl.cli.parts import Part
from simctl.cli.recipe import parse
from simctl.cli.recorded import RebuildingTrainer, RecordedTrainer
from simctl.cli.reenact import reenact, relearn
from simctl.cli.runs import POLICIES, find_run
from simctl.cli.tables import console
from simctl.cli.verdict import Verdict, tell
from simctl.store.access import open_log
from simctl.store.client import RemoteLog
from simctl.store.finished import FinishedLog
from simctl.store.policies import PolicyStore
from simctl.store.tape import Heard, Tape
from simctl.trainer.trainer import TRAINER

_LAST_TURN = """
SELECT payload ->> '$.reason' AS reason FROM events
WHERE kind IN ('run_started', 'run_resumed', 'run_ended') ORDER BY seq DESC LIMIT 1
"""
_SPAN = """
SELECT (max(wall_us) - min(wall_us)) / 1e6 AS seconds FROM events WHERE kind <> 'answer_rescored'
"""


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

    def __init__(self, path: Path, log: RemoteLog | FinishedLog) -> None:
        self._path = path
        self._log = log
        self.last_seq = log.last_seq
        self._policies = PolicyStore(path / POLICIES)
        self._policies.verify(0)
        self._started = _started(path, log)
        self.recipe = parse(f"the recipe of run {path}", self._started.recipe)
        self._vocabulary = Vocabulary(self._policies.path(0))

    def verdict(self, only: Part | None, heard: Heard) -> Verdict:
        """Do the work of the run, or of a part of it, once more."""
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            if only is Part.trainer:
                tape = self._trainer_alone(self._trainer(place), heard)
            else:
                tape = self._all(None if only else place, heard)
            divergence = tape.close()
        return Verdict(
            path=self._path,
            tape=tape,
            divergence=divergence,
            machine=self._started.machine,
            decode=self._vocabulary.decode,
            seconds=time.monotonic() - begun,
            run_seconds=self._log.query(_SPAN).to_pylist()[0]["seconds"],
        )

    def _all(self, place: str | None, heard: Heard) -> Tape:
        """Let all agents say again what they said; the trainer too where it has a place."""
        tape = Tape(self._log.read(until=self.last_seq), finished=self._finished(), heard=heard)
        learns = self.recipe.learns and place is not None
        learner = self._trainer(place) if learns and place else RecordedTrainer(tape)
        reenact(self.recipe, self._begun(), self._vocabulary, learner, tape)
        return tape

    def _trainer_alone(self, trainer: RebuildingTrainer, heard: Heard) -> Tape:
        said = (each for each in self._log.read(until=self.last_seq) if each.producer == TRAINER)
        tape = Tape(said, finished=self._finished(), heard=heard)
        relearn(trainer, self._log.read(until=self.last_seq), tape)
        return tape

    def _trainer(self, place: str) -> RebuildingTrainer:
        return RebuildingTrainer(self.recipe.training(), self._policies.path(0), Path(place))

    def _begun(self) -> RunStarted:
        """Return what a run of this recipe says first; the machine it was is taken as recorded."""
        found = {"seed": self.recipe.seed, "policy_sha256": self._policies.sha256(0)}
        return self._started.model_copy(update=found)

    def _finished(self) -> bool:
        [turn] = self._log.query(_LAST_TURN).to_pylist()
        return bool(turn["reason"] == "finished")


def _started(path: Path, log: RemoteLog | FinishedLog) -> RunStarted:
    for event in log.read(until=1):
        if isinstance(event.message, RunStarted):
            return event.message
    raise RunError(f"run {path} has not begun: there is nothing to verify")


@contextmanager
def _progress(screen: Console, last_seq: int) -> Generator[Heard]:
    """Show on a terminal how many events were said again."""
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    with shown:
        task = shown.add_task("", total=last_seq)
        yield lambda said: shown.update(task, completed=said)
