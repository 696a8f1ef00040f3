"""Roles that are played elsewhere: by workers at a broker, whom this process gives work."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from simctl.agents.dispatcher import Dispatcher
from simctl.bus.broker import Broker
from simctl.bus.event import Event
from simctl.bus.memory import MemoryBus
from simctl.bus.mqtt import Link, LinkError
from simctl.bus.parcels import Topics
from simctl.bus.quiescence import Quiescence
from simctl.cli.errors import RecipeError, UserError
from simctl.cli.recipe import Recipe
from simctl.cli.trainer import Live
from simctl.store.duck import DuckLog
from simctl.store.gateway import Gateway, announce
from simctl.store.policies import PolicyStore


class UnreachableError(UserError):
    """A broker cannot be reached, or refuses."""


class Fleet(Protocol):
    """Who keeps processes of a run alive, on whatever machines."""

    @property
    def trainer(self) -> Live | None:
        """Return how the run's trainer lives, if it does there."""
        ...

    async def keep(self, run: str, policies: Path, warn: Callable[[str], None]) -> None:
        """Keep workers of a run alive until cancelled; `warn` hears of each death."""
        ...


@dataclass(frozen=True)
class Elsewhere:
    """A broker, and how long a worker there may be silent before others get its asks.

    Workers come by themselves, or a fleet keeps some.
    """

    broker: Broker
    lease: float
    fleet: Fleet | None = None


@asynccontextmanager
async def workers(  # noqa: PLR0913 - what workers take part in
    there: Elsewhere,
    log: DuckLog,
    bus: MemoryBus,
    quiescence: Quiescence,
    policies: PolicyStore,
    *,
    version: int,
    recipe: str,
    known: Sequence[Event],
    warn: Callable[[str], None],
) -> AsyncGenerator[Dispatcher]:
    """Let workers take part in a run that is played from policy `version` on.

    `known` are the log's events about workers.

    Raises:
        LinkError: the broker cannot be reached, or refuses.
    """
    gateway = Gateway(log, bus, policies, recipe=recipe, lease=there.lease)
    dispatcher = Dispatcher(quiescence, policies, version, gateway.post, warn=warn)
    gateway.members.recall(known)
    gateway.members.attend(dispatcher)
    link = Link(there.broker, f"owner-{log.run}", gateway.hear, trouble=warn)
    async with gateway.open(link), asyncio.TaskGroup() as group:
        helpers = [group.create_task(gateway.failed())]
        if there.fleet is not None:
            helpers.append(
                group.create_task(there.fleet.keep(log.run, policies.root.resolve(), warn))
            )
        ended = "it was stopped"
        try:
            yield dispatcher
            ended = "it is finished"
        finally:
            for helper in helpers:
                helper.cancel()
            await gateway.close(ended)


def suit(recipe: Recipe) -> None:
    """See that workers can play the roles of a recipe.

    Raises:
        RecipeError: they cannot do what it asks.
    """
    if recipe.early is not None:
        raise RecipeError(
            f"recipe {recipe.name}: trainer.in_flight is true, and workers elsewhere take new "
            "weights between their answers: let it be false, or run without --bus and --cluster"
        )


def check(broker: Broker, name: str = "simctl-check") -> None:
    """Connect to a broker once.

    Raises:
        UnreachableError: it cannot be reached, or refuses.
    """

    async def connect() -> None:
        async with Link(broker, name, lambda _: None).open():
            pass

    _try(connect())


def check_owner(broker: Broker, name: str = "simctl-check-owner") -> None:
    """Connect to a broker once, and say there what only the owner of a run may say.

    Raises:
        UnreachableError: it cannot be reached, or refuses.
    """

    async def connect() -> None:
        heard = asyncio.Event()
        link, topic = Link(broker, name, lambda _: heard.set()), Topics(name).run
        async with link.open():
            await link.subscribe(topic)
            await announce(link, topic, b"", heard)

    _try(connect())


def _try(connecting: Coroutine[object, object, None]) -> None:
    try:
        asyncio.run(connecting)
    except LinkError as error:
        raise UnreachableError(str(error)) from error
