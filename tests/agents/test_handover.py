"""New versions are proved and taken over while answers are under way, and the log has it first."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from asking import request
from versions import announced, three

from simctl.agents.handover import Handover
from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.sampler import Completion
from simctl.agents.policy.transformers import EXACT, TransformersSampler
from simctl.agents.serving import Served
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import PolicySynced
from simctl.bus.quiescence import Quiescence
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore

REQUESTS = [request("@7k+5l*3m-4>", key, heat=4.0, length=40) for key in range(8)]
SAID = 7  # tokens before the decoder waits


class Paused(TransformersSampler):
    """A sampler that stops amid its answers until it is let go on."""

    def __init__(self, path: Path, quiescence: Quiescence) -> None:
        super().__init__(path, 0, quiescence, in_flight=True)
        self.amid, self.go_on = threading.Event(), threading.Event()
        self._asked = -2  # at the beginning, and before the first token

    def _speaker(self, role: str | None) -> Decoder:
        self._asked += 1
        if self._asked == SAID:
            self.amid.set()
            self.go_on.wait()
        return super()._speaker(role)


@dataclass(frozen=True)
class Watched(Served):
    """A policy that notes what the log has of versions whenever it is to serve another."""

    log: ListLog = field(default_factory=ListLog)
    logged: list[list[tuple[int, bool]]] = field(default_factory=list)

    def settle(self, synced: PolicySynced) -> None:
        self.logged.append([(each.version, each.ok) for each in proofs(self.log)])
        super().settle(synced)


def proofs(log: ListLog) -> list[PolicySynced]:
    messages = (each.message for each in log.read())
    return [each for each in messages if isinstance(each, PolicySynced)]


@dataclass
class Run:
    """A handover beside a sampler that was stopped amid its answers."""

    log: ListLog
    bus: MemoryBus
    sampler: Paused
    policy: Watched
    handover: Handover
    answers: asyncio.Task[list[Completion]]
    told: int = field(default=0)

    async def announce(self, version: int, off: float = 0.0) -> list[Event]:
        """Say what the trainer says of a version, whose probe may be off by so many nats."""
        update = announced(self.policy.policies, version, off)
        draft = Draft("trainer", 0, self.told, update, "trainer", round=version)
        self.told += 1
        return await self.bus.publish([draft])


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicyStore:
    return three(tmp_path_factory.mktemp("policies"))


@asynccontextmanager
async def amid_answers(policies: PolicyStore) -> AsyncIterator[Run]:
    log, quiescence = ListLog(), Quiescence()
    bus, sampler = MemoryBus(log, quiescence, 0), Paused(policies.path(0), quiescence)
    policy = Watched(sampler, policies, ChainTasks({}), 0, log=log)
    handover = Handover(bus, policy, 0)
    async with bus.listen() as announced, asyncio.TaskGroup() as group:
        helpers = [
            group.create_task(quiescence.run()),
            group.create_task(handover.run((), announced)),
        ]
        answers = group.create_task(sampler.sample(REQUESTS))
        await asyncio.to_thread(sampler.amid.wait)
        try:
            yield Run(log, bus, sampler, policy, handover, answers)
        finally:
            sampler.go_on.set()
            await answers
            for helper in helpers:
                helper.cancel()


async def test_a_version_that_is_proved_amid_answers_says_their_next_tokens(policies: PolicyStore):
    async with amid_answers(policies) as run:
        await run.announce(1)
        await run.handover.until(1)
    said = run.answers.result()
    longer = [each for each in said if len(each.tokens) > SAID]
    assert longer
    assert [each.versions for each in longer] == [
        ((0, SAID), (1, len(each.tokens) - SAID)) for each in longer
    ]


async def test_the_log_has_that_it_was_proved_before_it_says_anything(policies: PolicyStore):
    async with amid_answers(policies) as run:
        await run.announce(1)
        await run.handover.until(1)
        assert not run.answers.done()
    assert run.policy.logged == [[(1, True)]]


async def test_a_version_that_is_not_proved_says_nothing_and_the_old_one_goes_on(
    policies: PolicyStore,
):
    async with amid_answers(policies) as run:
        await run.announce(1, off=2 * EXACT)
        await run.handover.until(1)
    said = run.answers.result()
    assert {(each.policy_version, each.versions) for each in said} == {(0, ())}
    assert [(each.version, each.ok) for each in proofs(run.log)] == [(1, False)]
    assert "differ from the trainer's" in proofs(run.log)[0].reason


async def test_versions_that_come_at_once_are_proved_one_after_the_other(policies: PolicyStore):
    async with amid_answers(policies) as run:
        await run.announce(1)
        await run.announce(2)
        await run.handover.until(2)
    assert [each.version for each in proofs(run.log)] == [1, 2]
    spans = {version for each in run.answers.result() for version, _ in each.versions}
    assert spans == {0, 2}  # between two tokens came both


async def test_who_holds_it_still_is_answered_by_one_version(policies: PolicyStore):
    async with amid_answers(policies) as run:
        async with run.handover.still:
            await run.announce(1)
            run.sampler.go_on.set()
            said = await run.answers
        await run.handover.until(1)
    assert {(each.policy_version, each.versions) for each in said} == {(0, ())}
