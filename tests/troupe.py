"""A troupe: a whole society with its trainer in this process, on a log in memory."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.exams import Exams
from simctl.agents.memory import Memory
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import ServingSampler
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.serving import Served
from simctl.agents.society import Here, Society
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import RunStarted
from simctl.bus.quiescence import Quiescence
from simctl.cli.recipe import Recipe, dump
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore
from simctl.trainer.herald import PLAY_ENDED, ROUND_ENDED
from simctl.trainer.trainer import Trainer

Serve = Callable[[Quiescence, ListLog], ServingSampler]


def perform(recipe: Recipe, place: Path, serve: Serve | None = None) -> list[Event]:
    """Play a recipe to its end; its policies are in `place`. `serve` makes another sampler."""
    return asyncio.run(_perform(recipe, place, serve))


async def _perform(recipe: Recipe, place: Path, serve: Serve | None) -> list[Event]:
    log, quiescence = ListLog(), Quiescence()
    bus = MemoryBus(log, quiescence, 0)
    policies = PolicyStore(place)
    policies.adopt(PATH)
    here = TransformersSampler(PATH, 0, quiescence, separate=recipe.trainer.separate)
    sampler = serve(quiescence, log) if serve else here
    plan = recipe.plan()
    society = Society(
        plan,
        Memory(),
        recipe.syllabus(),
        bus=bus,
        quiescence=quiescence,
        policy=Served(sampler, policies, plan.environment, recipe.seed),
        roles=Here(cast(Voice(sampler, recipe.seed), Exams(sampler, plan.environment))),
    )
    started = RunStarted(recipe=dump(recipe), seed=recipe.seed, policy_sha256="", machine={})
    async with bus.listen() as events, asyncio.TaskGroup() as group:
        learns = [_learn(recipe, policies, events, bus)] if recipe.learns else []
        helpers = [group.create_task(each) for each in learns]
        await group.create_task(society.run(started))
        for helper in helpers:
            helper.cancel()
    shutil.rmtree(place)
    return list(log.read())


async def _learn(
    recipe: Recipe, policies: PolicyStore, events: AsyncIterator[Event], bus: MemoryBus
) -> None:
    said: list[Draft] = []

    def keep(drafts: Sequence[Draft]) -> Sequence[Event]:
        said.extend(drafts)
        return ()

    trainer = Trainer(recipe.training(), policies, keep)
    heard: list[Event] = []
    async for event in events:
        heard.append(event)
        if event.kind in {ROUND_ENDED, PLAY_ENDED}:
            list(trainer.hear(heard))
            await bus.publish(said)
            heard.clear()
            said.clear()
