"""Works for runs at a broker: plays roles of whatever run is live there."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from simctl.agents.agent import Agent, Producer, Voice
from simctl.agents.cast import cast
from simctl.agents.exams import Exams
from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form
from simctl.agents.policy.sampler import ServingSampler
from simctl.agents.supply import Supply
from simctl.agents.tray import Tray
from simctl.agents.worker import Worker
from simctl.bus.asks import Role
from simctl.bus.errors import RefusedError
from simctl.bus.mqtt import Heard, Link, LinkError
from simctl.bus.parcels import ANY_RUN, Live, Serve
from simctl.bus.quiescence import Quiescence
from simctl.bus.remote import ForgottenError, RemoteBus, RunOverError
from simctl.cli.errors import RunError, UserError, first
from simctl.cli.recipe import Recipe, recorded
from simctl.cli.serving import form_of, forms_of, held, serve
from simctl.cli.stop import Stop
from simctl.cli.terms import Terms
from simctl.cli.vllm import Place
from simctl.store.policies import PolicyError as StoredPolicyError
from simctl.store.policies import PolicyStore

Tell = Callable[[str], None]


class _StoppedError(Exception):
    """Somebody asked the worker to stop."""


def work(terms: Terms, tell: Tell) -> None:
    """Work until the run ends, or, if `terms` say to stay, until Ctrl-C.

    Raises:
        RunError: the broker cannot be reached, or the run's owner does not want this worker.
    """
    with Stop() as stop:
        try:
            asyncio.run(_until_done(terms, stop, tell))
        except* _StoppedError:
            tell("stopped")
        except* (LinkError, RefusedError) as errors:
            raise RunError(str(first(errors))) from None


async def _until_done(terms: Terms, stop: Stop, tell: Tell) -> None:
    async with asyncio.TaskGroup() as group:
        stopped = group.create_task(_stopped(stop))
        while True:
            run = await _find(terms, tell)
            try:
                over = await _take_part(terms, run, tell)
            except RefusedError as error:
                if not terms.stay:
                    raise
                tell(str(error))  # a run whose owner died is still announced
                continue
            if over and not terms.stay:
                break
        stopped.cancel()


async def _stopped(stop: Stop) -> None:
    await stop.wait()
    raise _StoppedError


async def _find(terms: Terms, tell: Tell) -> str:
    """Wait until a run is live at the broker, and return its name."""
    found: asyncio.Queue[str] = asyncio.Queue()

    def hear(heard: Heard) -> None:
        heard.ack()
        with suppress(ValidationError):  # an announcement that was taken back is empty
            live = Live.model_validate_json(heard.payload)
            if terms.run in (None, live.run):
                found.put_nowait(live.run)

    scout = Link(terms.broker, f"{terms.name}.scout", hear)
    async with scout.open():
        await scout.subscribe(ANY_RUN)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await found.get()
        tell(f"waiting for {f'run {terms.run}' if terms.run else 'a run'} at {terms.broker}")
        return await found.get()


async def _take_part(terms: Terms, run: str, tell: Tell) -> bool:
    """Work for a run until it ends; return whether it did, or else has to be joined again."""
    tray, wanted = Tray(), asyncio.Queue[Serve]()
    bus = RemoteBus(
        terms.broker, run, terms.name, work=tray.take, serve=wanted.put_nowait, trouble=tell
    )
    bus.leases = tray.leases
    over = True
    async with bus.open():
        try:
            welcome = await bus.join(terms.roles, capacity=terms.capacity, machine=_where())
            recipe = recorded(f"the recipe of run {run}", welcome.recipe)
            tell(f"works for run {run} as {terms.name}: {', '.join(terms.roles)}")
            with TemporaryDirectory(prefix="simctl-worker-") as own, ExitStack() as holding:
                quiescence = Quiescence()
                part = _Part(recipe, terms.roles, quiescence, holding)
                worker = Worker(
                    bus,
                    Producer(terms.name, bus.epoch),
                    tray,
                    Supply(Path(own), bus.fetch, terms.shared),
                    wanted,
                    load=part.load,
                    cast=part.cast,
                )
                async with asyncio.TaskGroup() as group:
                    group.create_task(quiescence.run())
                    group.create_task(worker.run())
                    group.create_task(bus.run())
        except* RunOverError as errors:
            tell(f"run {run} is over: {first(errors)}")
        except* ForgottenError as errors:
            tell(f"{first(errors)}; joins again")
            over = False
        except* asyncio.CancelledError:
            bus.leave("it was stopped")
            raise
    return over


class _Part:
    """The part that a worker plays in a run: its sampler, and the roles that speak with it."""

    def __init__(
        self, recipe: Recipe, roles: Sequence[Role], quiescence: Quiescence, holding: ExitStack
    ) -> None:
        self._holding = holding  # what its sampler holds
        self._recipe = recipe
        self._roles = roles
        self._quiescence = quiescence
        self._form: Form = CHARACTERS

    def load(self, policies: PolicyStore, version: int) -> ServingSampler:
        """Return a sampler of the first version that is served."""
        recipe, path = self._recipe, policies.path(version)
        self._form = form_of(recipe, path)
        try:
            sampler = serve(
                recipe, path, version, self._quiescence, self._roles, place=Place(tell=say)
            )
        except UserError as error:  # an engine that is not to be had here, say: the owner hears it
            raise StoredPolicyError(str(error)) from error
        self._holding.enter_context(held(sampler))
        return sampler

    def cast(self, sampler: ServingSampler) -> dict[Role, Agent]:
        """Return the roles."""
        recipe = self._recipe
        exams = Exams(sampler, recipe.plan().environment, self._form)
        everybody = cast(Voice(sampler, recipe.seed, self._form), exams, forms_of(recipe))
        return {role: everybody[role] for role in self._roles}


def _where() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def say(line: str) -> None:
    """Tell whoever watches what the worker does."""
    sys.stderr.write(f"{line}\n")
