"""A session: one process's part in a run. The composition root, which knows every part."""

import asyncio
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.curriculum import Syllabus
from simctl.agents.exams import Exams
from simctl.agents.forms.form import Form
from simctl.agents.memory import SOCIETY, Memory
from simctl.agents.policy.sampler import ServingSampler
from simctl.agents.serving import Served
from simctl.agents.society import Here, Roles, Society
from simctl.bus.answers import RoleFailed
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus, ReaderCutOffError
from simctl.bus.messages import (
    RunEnded,
    RunStarted,
)
from simctl.bus.mqtt import LinkError
from simctl.bus.quiescence import Quiescence
from simctl.bus.workers import OF_WORKERS
from simctl.cli import birth
from simctl.cli.elsewhere import Elsewhere, suit, workers
from simctl.cli.errors import first
from simctl.cli.machine import machine
from simctl.cli.nursery import Nursery, nursery
from simctl.cli.recipe import Recipe, dump
from simctl.cli.runs import POLICIES
from simctl.cli.serving import check, form_of, forms_of, held, serve
from simctl.cli.stop import Stop
from simctl.cli.trainer import TrainerFailedError, TrainerProcess
from simctl.cli.vllm import Place
from simctl.store.access import LOG
from simctl.store.database import insist
from simctl.store.duck import DuckLog
from simctl.store.errors import StoreError
from simctl.store.policies import PolicyStore
from simctl.store.server import Endpoint
from simctl.trainer.place import need

CRASH_FILE = "crash.log"
_PATIENCE = 600.0  # seconds to wait for room on the disk; the trainer and the readers wait with us
_BEGUN = """
SELECT count(*) AS processes FROM events WHERE kind IN ('run_started', 'run_resumed')
"""


class View(Protocol):
    """Whoever watches a session."""

    def recall(self, event: Event) -> None:
        """Hear an event of an earlier process."""

    def started(self, run_dir: Path, recipe: Recipe) -> None:
        """Hear that the run begins or goes on."""

    def warn(self, trouble: str) -> None:
        """Hear, in any thread, what the run waits for; the next event tells that it goes on."""

    def hear(self, event: Event) -> None:
        """Hear an event. Must be quick: it is called between two turns of the society."""

    def ended(self, outcome: "Outcome") -> None:
        """Hear how it ended."""


@dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    reason: Literal["finished", "interrupted", "failed"]
    detail: str = ""


def create(recipe: Recipe, run_dir: Path, base: Path) -> None:
    """Make the directory of a run that begins from the policy in `base`.

    Raises:
        TakenError: the directory exists.
        PolicyError: `base` holds no policy that can be served; then nothing is made.
        PlaceMissingError: this machine has nothing to learn on as the recipe says.
    """
    if recipe.learns:
        need(recipe.trainer)
    check(recipe, base)
    form_of(recipe, base)
    forms_of(recipe)
    birth.create(recipe, run_dir, base)


def play(run_dir: Path, view: View, there: Elsewhere | None = None) -> Outcome:
    """Go on with a run from what its log has; its roles are played here, or by workers `there`.

    Raises:
        UserError: its recipe or its policy is not what it was.
        StoreError: its log or its policy cannot be read.
    """
    try:
        with (
            nursery() as trainers,
            Stop() as stop,
            DuckLog(
                run_dir / LOG,
                run=run_dir.name,
                patience=_PATIENCE,
                on_trouble=view.warn,
                opener=insist,
            ) as log,
        ):
            recipe = birth.read(run_dir, log)
            if there is not None:
                suit(recipe)
            if recipe.log.journal:
                log.begin_journal()
            session = _Session(recipe, run_dir, log, view, there, trainers)
            outcome = asyncio.run(session.run(stop))
    except KeyboardInterrupt:  # somebody could not wait
        outcome = Outcome("interrupted")
    view.ended(outcome)
    return outcome


class _Session:
    """The parts of one process's run, put together."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a run is put together of
        self,
        recipe: Recipe,
        run_dir: Path,
        log: DuckLog,
        view: View,
        there: Elsewhere | None,
        trainers: Nursery | None,
    ) -> None:
        self._recipe = recipe
        self._run_dir = run_dir
        self._log = log
        self._view = view
        self._there = there
        self._trainers = trainers
        self._workers: list[Event] = []  # what the log says of them
        self._policies = PolicyStore(run_dir / POLICIES)

    async def run(self, stop: Stop) -> Outcome:
        """Play what is left, and say in the log how it ended."""
        syllabus = self._recipe.syllabus()
        memory = Memory(watch=self._recipe.watch(), early=self._recipe.early)
        for event in self._log.read():
            memory.hear(event, syllabus)
            self._view.recall(event)
            if event.kind in OF_WORKERS:
                self._workers.append(event)
        outcome = await self._until_done(memory, syllabus, stop)
        try:
            if _has_begun(self._log, memory):
                await _end(self._log, memory, outcome)
        except StoreError as error:  # a full disk, say: the log tells the same by its silence
            return Outcome("failed", str(error))
        return outcome

    async def _until_done(self, memory: Memory, syllabus: Syllabus, stop: Stop) -> Outcome:
        quiescence = Quiescence()
        cut_off: asyncio.Queue[ReaderCutOffError] = asyncio.Queue()
        bus = MemoryBus(self._log, quiescence, self._log.last_seq, report=cut_off.put_nowait)
        sampler = self._sampler(quiescence, memory)
        self._view.started(self._run_dir, self._recipe)
        speaker = _Speaker(bus, memory.incarnation + 1)
        trainer = self._trainer(speaker)
        loop = asyncio.get_running_loop()

        def publish(drafts: Sequence[Draft]) -> Future[list[Event]]:
            return asyncio.run_coroutine_threadsafe(bus.publish(drafts), loop)

        outcome = Outcome("finished")
        with held(sampler), Endpoint(self._log, self._run_dir, publish):
            try:
                async with (
                    self._roles(bus, quiescence, memory, sampler) as roles,
                    bus.listen("view") as events,
                    asyncio.TaskGroup() as group,
                ):
                    society = Society(
                        self._recipe.plan(),
                        memory,
                        syllabus,
                        bus=bus,
                        quiescence=quiescence,
                        policy=self._served(sampler),
                        roles=roles,
                    )
                    helpers = [
                        group.create_task(speaker.readers_cut_off(cut_off)),
                        group.create_task(_interrupted(stop)),
                        group.create_task(self._watch(events, trainer)),
                    ]
                    if self._recipe.learns:
                        helpers.append(group.create_task(trainer.run()))
                    await group.create_task(society.run(self._started()))
                    for helper in helpers:
                        helper.cancel()
            except* _InterruptedError:
                self._log.lose_patience()
                outcome = Outcome("interrupted")
            except* (TrainerFailedError, StoreError, LinkError, OSError) as errors:
                outcome = Outcome("failed", str(first(errors)))
            except* Exception as errors:  # noqa: BLE001 - the log says how it ended, whatever it was
                outcome = Outcome("failed", self._crash(errors))
        return outcome

    def _crash(self, errors: BaseExceptionGroup[BaseException]) -> str:
        """Keep the traceback for whoever mends it, and return one line for everybody else."""
        file, cause = self._run_dir / CRASH_FILE, first(errors)
        with suppress(OSError):
            file.write_text("".join(traceback.format_exception(errors)), encoding="utf-8")
        return f"{type(cause).__name__}: {cause}; the traceback is in {file}"

    async def _watch(self, events: AsyncIterator[Event], trainer: TrainerProcess) -> None:
        async for event in events:
            self._view.hear(event)
            if event.kind == "policy_updated":
                trainer.moved()

    def _trainer(self, speaker: "_Speaker") -> TrainerProcess:
        torchrun = self._recipe.trainer.torchrun
        fleet = None if self._there is None or torchrun else self._there.fleet
        return TrainerProcess(
            self._run_dir,
            speaker.trainer_died,
            self._trainers,
            torchrun,
            elsewhere=None if fleet is None else fleet.trainer,
        )

    def _sampler(self, quiescence: Quiescence, memory: Memory) -> ServingSampler:
        version = memory.version
        self._policies.verify(version)
        place = Place(self._run_dir, self._view.warn, self._policies.path(0))
        path = self._policies.path(version)
        return serve(self._recipe, path, version, quiescence, place=place)

    def _served(self, sampler: ServingSampler) -> Served:
        recipe = self._recipe
        return Served(sampler, self._policies, recipe.plan().environment, recipe.seed, self._form())

    def _form(self) -> Form:
        return form_of(self._recipe, self._policies.path(0))

    @asynccontextmanager
    async def _roles(
        self, bus: MemoryBus, quiescence: Quiescence, memory: Memory, sampler: ServingSampler
    ) -> AsyncGenerator[Roles]:
        """Give whoever plays the roles: this process, or workers elsewhere."""
        recipe = self._recipe
        if self._there is None:
            form = self._form()
            exams = Exams(sampler, recipe.plan().environment, form)
            yield Here(cast(Voice(sampler, recipe.seed, form), exams, forms_of(recipe)))
            return
        async with workers(
            self._there,
            self._log,
            bus,
            quiescence,
            self._policies,
            version=memory.version,
            recipe=dump(recipe),
            known=self._workers,
            warn=self._view.warn,
        ) as dispatcher:
            yield dispatcher

    def _started(self) -> RunStarted:
        return RunStarted(
            recipe=dump(self._recipe),
            seed=self._recipe.seed,
            policy_sha256=self._policies.sha256(0),
            machine=machine(),
        )


class _InterruptedError(Exception):
    """Somebody asked the run to stop."""


async def _interrupted(stop: Stop) -> None:
    """Raise as soon as the process is asked to stop."""
    await stop.wait()
    raise _InterruptedError


class _Speaker:
    """What the session itself says in the log."""

    def __init__(self, bus: MemoryBus, epoch: int) -> None:
        self._bus = bus
        self._epoch = epoch
        self._pseq = 0

    async def trainer_died(self, report: str) -> None:
        """Write down that the trainer died and was started again."""
        await self._failed("trainer", report)

    async def readers_cut_off(self, errors: asyncio.Queue[ReaderCutOffError]) -> None:
        """Write down which readers of the bus were cut off, until cancelled."""
        while True:
            error = await errors.get()
            await self._failed(error.reader, str(error))

    async def _failed(self, role: str, error: str) -> None:
        failed = RoleFailed(role=role, error=error)
        draft = Draft("session", self._epoch, self._pseq, failed, "session")
        self._pseq += 1
        await self._bus.publish([draft])


def _has_begun(log: DuckLog, memory: Memory) -> bool:
    """Tell whether this process has said that the run started or resumed: an end needs that."""
    [begun] = log.query(_BEGUN).to_pylist()
    return bool(begun["processes"] > memory.incarnation)


async def _end(log: DuckLog, memory: Memory, outcome: Outcome) -> None:
    ended = RunEnded(reason=outcome.reason, detail=outcome.detail)
    # in its epoch the society has said nothing but that it resumed, if it is not the first
    pseq = 1 if memory.incarnation else 0
    await log.append([Draft(SOCIETY, memory.incarnation + 1, pseq, ended, SOCIETY)])
