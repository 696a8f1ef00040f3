"""An invalid message is kept, counted and never stops the run (P14): what agents say."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.agent import Agent, Answer, serve, themselves
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import (
    AttemptMade,
    TaskPosed,
)
from simctl.bus.asks import PoseTask, Role
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import MessageRejected
from simctl.bus.quiescence import Quiescence
from simctl.bus.rejection import fault, rejection
from simctl.store.memory_log import ListLog


def _spoken(tokens: tuple[int, ...] = (4,), logprobs: tuple[float, ...] = (-0.5,)) -> Completion:
    return Completion(
        prompt_tokens=(1, 2),
        tokens=tokens,
        logprobs=logprobs,
        text="7k+5",
        truncated=False,
        policy_version=0,
    )


def _posed(**fields: object) -> TaskPosed:
    """A task that nobody has checked."""
    return TaskPosed.model_construct(None, **{**TaskPosed(problem="7k+5").__dict__, **fields})


BAD = {
    "a surrogate": Answer(_posed(problem="\ud800"), _spoken()),
    "a number for text": Answer(_posed(problem=7), _spoken()),
    "NaN in the message": Answer(_posed(temperature=math.nan), _spoken()),
    "a wrong type": Answer(_posed(path=object()), _spoken()),
    "an unknown kind": Answer(_posed(kind="nonsense"), _spoken()),
    "a NaN log-probability": Answer(_posed(), _spoken(logprobs=(math.nan,))),
    "an endless log-probability": Answer(_posed(), _spoken(logprobs=(-math.inf,))),
    "a token too large": Answer(_posed(), _spoken(tokens=(1 << 40,))),
    "no message at all": Answer("hello"),  # type: ignore[arg-type]
}


class _Bad(Agent):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle(self, asked: Event) -> list[Answer]:  # noqa: ARG002 - whatever is asked
        return [Answer(TaskPosed(problem="7k+5"), _spoken()), self._answer]


async def _asked(answer: Answer) -> list[Event]:
    """Ask an examiner that answers so, twice, and return what the log then holds."""
    log, quiescence = ListLog(), Quiescence()
    bus = MemoryBus(log, quiescence)
    agents: dict[Role, Agent] = {"examiner": _Bad(answer)}

    async def heard(events: AsyncIterator[Event], failures: int) -> None:
        async for event in events:
            failures -= event.kind == "role_failed"
            if not failures:
                return

    async with bus.listen() as asked, bus.listen() as answered, asyncio.TaskGroup() as group:
        helpers = [
            group.create_task(quiescence.run()),
            group.create_task(serve(agents, bus, asked, themselves(agents, 1))),
        ]
        for number in range(2):
            await bus.publish([Draft("e1.0", 0, number, PoseTask(), "e1.0", "examiner")])
        await heard(answered, 2)
        for helper in helpers:
            helper.cancel()
    return list(log.read())


@pytest.mark.parametrize("what", BAD)
async def test_an_answer_that_cannot_be_written_is_a_failure_of_its_role(what: str):
    events = await _asked(BAD[what])
    said = [event.kind for event in events if event.sender == "examiner"]
    assert said == ["role_failed", "message_rejected"] * 2
    rejected = events[-1].message
    assert isinstance(rejected, MessageRejected)
    assert rejected.reason
    assert rejected.length > 0


@given(st.binary(max_size=10_000), st.text(st.characters()))
def test_whatever_is_rejected_can_be_written(said: bytes, reason: str):
    kept = rejection(reason, said)
    assert fault(kept, None) == ""
    assert kept.length == len(said)
    assert len(kept.text.encode()) <= 4096


@given(
    st.text(st.characters()),
    st.floats(width=64),
    st.lists(st.integers(), max_size=3),
    st.lists(st.floats(width=64), max_size=3),
)
def test_what_has_no_fault_is_written_and_read_back(
    text: str, temperature: float, tokens: list[int], logprobs: list[float]
):
    fields = {"task": 1, "index": 0, "attempt": text, "temperature": temperature}
    message = AttemptMade.model_construct(None, truncated=False, **fields)
    said = Utterance((), tuple(tokens), tuple(logprobs))
    draft = Draft("solver", 0, 0, message, "solver", utterance=said)
    if not fault(message, said):
        [event] = ListLog().place([draft])
        assert event.message == message
