"""What a worker may say: answers to the asks it holds, once, in its roles, and of itself alone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from simctl.agents.dispatcher import DISPATCHER, Dispatcher
from simctl.bus.answers import AttemptMade
from simctl.bus.asks import SolveTask
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import (
    EpisodeStarted,
    MessageRejected,
    PolicySynced,
    PolicyUpdated,
)
from simctl.bus.parcels import Alive, Serve, Work
from simctl.bus.quiescence import Quiescence
from simctl.bus.values import Value
from simctl.bus.workers import WorkerSynced
from simctl.store.members import Member
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyState, PolicyStore


@dataclass
class Shop:
    """A dispatcher, with workers a and b that play solver and critic, and what they were sent."""

    bus: MemoryBus
    policies: PolicyStore
    quiescence: Quiescence
    sent: list[tuple[str, Value]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            self.quiescence, self.policies, 0, self.post, clock=lambda: self.now
        )

    def served(self) -> int:
        """How often a policy was sent, since somebody asked."""
        count = sum(isinstance(parcel, Serve) for _, parcel in self.sent)
        self.sent.clear()
        return count

    def beat(self, version: int | None = 0) -> None:
        """Let worker a give a sign of life."""
        self.dispatcher.alive(member("a"), Alive(epoch=1, number=1, version=version))

    def post(self, name: str, parcel: Value) -> None:
        self.sent.append((name, parcel))
        self.news.set()

    async def work(self) -> tuple[str, Work]:
        """Wait for the next lease; return whose it is, and the lease."""
        while True:
            for at, (name, parcel) in enumerate(self.sent):
                if isinstance(parcel, Work):
                    del self.sent[: at + 1]
                    return name, parcel
            self.news.clear()
            await self.news.wait()

    async def ask(self, pseq: int, n: int = 1, problem: str = "1+1=") -> Event:
        message = SolveTask(task=1, problem=problem, n=n)
        draft = Draft("e1.000", 0, pseq, message, "episode", recipient="solver")
        [event] = await self.bus.publish([draft])
        return event

    def judge(self, draft: Draft) -> str:
        return self.dispatcher.judge(draft.producer, draft)


def member(name: str, *, capacity: int = 64) -> Member:
    return Member(name, name, 1, ("solver", "critic"), capacity, 0.0)


def answer(asked: Event, name: str = "a", pseq: int = 1, sender: str = "solver") -> Draft:
    said = AttemptMade(task=1, index=0, attempt="2")
    return Draft(name, 1, pseq, said, sender, recipient="episode", cause=asked.seq)


@asynccontextmanager
async def shop(place: Path, names: str = "a", capacity: int = 64) -> AsyncGenerator[Shop]:
    quiescence = Quiescence()
    bus, policies = MemoryBus(ListLog(), quiescence), PolicyStore(place)
    policies.commit(0, _weights, PolicyState(version=0))
    found = Shop(bus, policies, quiescence)
    dispatcher = found.dispatcher
    async with bus.listen(DISPATCHER) as events, asyncio.timeout(120):
        helpers = [
            asyncio.create_task(each)
            for each in (quiescence.run(), dispatcher.serve(bus, events, 0, ()))
        ]
        for name in names:
            dispatcher.joined(member(name, capacity=capacity))
            await bus.publish([synced(name)])
        yield found
        for helper in helpers:
            helper.cancel()


def _weights(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.safetensors").write_bytes(b"none")


def synced(name: str, *, of: str = "", version: int = 0) -> Draft:
    said = WorkerSynced(worker=of or name, version=version, ok=True)
    return Draft(name, 1, 0, said, name)


async def test_an_answer_to_an_ask_that_it_holds_is_a_workers_to_give(tmp_path: Path):
    async with shop(tmp_path) as here:
        asked = await here.ask(0)
        assert await here.work() == ("a", Work(lease=asked.seq + 1, asks=(asked,)))
        assert here.judge(answer(asked)) == ""
        assert here.judge(answer(asked)) == ""  # it came twice


async def test_a_worker_that_says_what_it_may_not_is_refused(tmp_path: Path):
    async with shop(tmp_path, "ab") as here:
        asked = await here.ask(0)
        name, _ = await here.work()
        other = "b" if name == "a" else "a"
        rejected = MessageRejected(reason="r")
        refused = {
            "holds no lease": answer(asked, other),
            "does not play 'guide'": answer(asked, name, sender="guide"),
            "is for the solver": answer(asked, name, sender="critic"),
            "holds no lease of the ask None": replace(answer(asked, name), cause=None),
            "takes no part": answer(asked, "mallory"),
            "what another serves": synced(name, of=other, version=7),
            "is no 'episode'": Draft(name, 1, 1, rejected, "episode", cause=asked.seq),
        }
        found = {why: here.judge(draft) for why, draft in refused.items()}
        assert [why for why, said in found.items() if why not in said] == []


async def test_a_report_that_asks_a_role_something_is_refused(tmp_path: Path):
    async with shop(tmp_path) as here:
        report = synced("a")
        asks = Draft("a", 1, 1, report.message, "a", recipient="solver")
        assert here.judge(report) == ""
        assert here.judge(asks) != ""


async def test_an_ask_that_a_worker_answers_twice_at_once_has_the_first_answer(tmp_path: Path):
    async with shop(tmp_path) as here:
        asked = await here.ask(0, n=2)
        await here.work()
        drafts = [answer(asked, pseq=pseq) for pseq in range(1, 5)]
        found = [here.judge(draft) for draft in drafts]
        assert [bool(why) for why in found] == [False, False, True, True]
        assert "has answered" in found[-1]


async def test_an_ask_whose_lease_expired_can_be_answered_by_another(tmp_path: Path):
    async with shop(tmp_path, "ab") as here:
        asked = await here.ask(0)
        first, _ = await here.work()
        assert here.judge(answer(asked, first)) == ""  # said, and lost before it was in the log
        here.dispatcher.away(first, "gone")
        second, work = await here.work()
        assert (second != first, work.asks) == (True, (asked,))
        assert here.judge(answer(asked, second)) == ""
        assert "holds no lease" in here.judge(answer(asked, first))


async def test_what_would_be_too_large_for_one_parcel_is_leased_in_several(tmp_path: Path):
    async with shop(tmp_path, "", 10_000) as here:
        asked = [await here.ask(n, problem="1" * 500_000) for n in range(12)]
        here.dispatcher.joined(member("a", capacity=10_000))
        await here.bus.publish([synced("a")])
        given: list[Event] = []
        leases = 0
        while len(given) < len(asked):
            _, work = await here.work()
            given += work.asks
            leases += 1
        assert (given, leases > 1) == (asked, True)


async def test_a_worker_that_does_not_know_a_lease_gets_it_again(tmp_path: Path):
    async with shop(tmp_path) as here:
        await here.ask(0)
        _, work = await here.work()
        here.now += 3
        known = Alive(epoch=1, number=1, leases=(work.lease,), version=0)
        here.dispatcher.alive(member("a"), known)
        assert [each for each in here.sent if not isinstance(each[1], Serve)] == []
        here.dispatcher.alive(member("a"), known.model_copy(update={"leases": ()}))
        assert await here.work() == ("a", work)


async def test_a_version_that_a_worker_refused_is_not_sent_at_every_sign_of_life(tmp_path: Path):
    async with shop(tmp_path, names="") as here:
        here.dispatcher.joined(member("a"))
        no = WorkerSynced(worker="a", version=0, ok=False, reason="no room")
        [said] = await here.bus.publish([Draft("a", 1, 0, no, "a")])
        await heard(here, said)
        assert here.served() == 1
        for _ in range(20):
            here.now += 1
            here.beat(None)
        assert here.served() == 0
        here.now += 30
        here.beat(None)
        assert here.served() == 1


async def test_who_breaks_a_rule_is_asked_nothing_for_a_while(tmp_path: Path):
    async with shop(tmp_path) as here:
        asked = await here.ask(0)
        await here.work()
        bad = replace(answer(asked), message=MessageRejected(reason="no"))
        await heard(here, (await here.bus.publish([bad]))[0])
        for _ in range(20):
            here.now += 1
            here.beat()
        await here.ask(1)
        assert not any(isinstance(parcel, Work) for _, parcel in here.sent)
        here.now += 30
        here.beat()
        assert (await here.work())[0] == "a"


async def test_after_a_resumption_workers_serve_what_the_log_has_been_playing_with(tmp_path: Path):
    quiescence, policies = Quiescence(), PolicyStore(tmp_path)
    for version in (0, 1):
        policies.commit(version, _weights, PolicyState(version=version))
    updated = PolicyUpdated(version=1, parent=0, sha256=policies.sha256(1), metrics={})
    moved = PolicySynced(version=1, sampler="sampler", ok=True)
    history = ListLog().place([Draft("x", 0, 0, updated, "x"), Draft("x", 0, 1, moved, "x")])
    bus, sent = MemoryBus(ListLog(), quiescence), list[Value]()
    dispatcher = Dispatcher(quiescence, policies, 0, lambda _, parcel: sent.append(parcel))
    async with bus.listen(DISPATCHER) as events:
        serving = asyncio.create_task(dispatcher.serve(bus, events, 2, history))
        await asyncio.sleep(0)
        dispatcher.joined(member("a"))
        serving.cancel()
    assert [each.update.version for each in sent if isinstance(each, Serve)] == [1]


async def heard(here: Shop, event: Event) -> None:
    """Return when the dispatcher has heard an event: it hears what comes after it."""
    async with here.bus.listen() as events:
        await here.bus.publish([Draft(f"z{event.seq}", 0, 0, EpisodeStarted(name="z"), "z")])
        await anext(events)
    for _ in range(10):
        await asyncio.sleep(0)
