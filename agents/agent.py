"""Agents: a role answers an ask with messages. It never publishes or reads the log."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form, Question
from simctl.agents.policy.sampler import Completion, Request, Sampler
from simctl.bus.answers import RoleFailed, Spoken
from simctl.bus.asks import ROLES, Ask, Role, Sampling
from simctl.bus.dice import stream
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import AnyMessage
from simctl.bus.rejection import fault, rejection


@dataclass(frozen=True, slots=True)
class Answer:
    """A message, and the completion it was read from."""

    message: AnyMessage
    completion: Completion | None = None


class Publisher(Protocol):
    """Where answers go."""

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts to the log of the run."""
        ...


class Agent(Protocol):
    """One role."""

    async def handle(self, asked: Event) -> list[Answer]:
        """Answer the ask that `asked` holds."""
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """How an agent speaks: the policy, as the role that is asked, with noise of the ask's own."""

    sampler: Sampler
    seed: int
    form: Form = CHARACTERS

    async def say(self, asked: Event, ask: Ask, question: Question) -> list[Completion]:
        """Return one completion for each answer that the ask wants, with its text as it is read."""
        keys = (noise(self.seed, asked, index) for index in range(ask.answers))
        prompt, role = self.form.put(question), _asked(asked)
        said = await self.sampler.sample(
            [Request(prompt, key, ask.sampling, role=role) for key in keys]
        )
        return [as_read(self.form, question, each) for each in said]

    async def weigh(self, asked: Event, question: Question, answer: str) -> Completion:
        """Return `answer` with the log-probabilities that the policy gives it."""
        key = noise(self.seed, asked, 0)
        wanted = Request(self.form.put(question), key, Sampling(), answer, _asked(asked))
        [weighed] = await self.sampler.sample([wanted])
        return weighed


def as_read(form: Form, question: Question, said: Completion) -> Completion:
    """Return a completion with its text as the form reads it."""
    found = form.read(question, said.text)
    return replace(said, text=found.text, unread=found.unread)


def noise(seed: int, asked: Event, index: int) -> int:
    """Return the key of the noise with which the answer `index` to an ask is sampled."""
    return stream(seed, "say", asked.producer, asked.pseq, index)


def _asked(event: Event) -> Role:
    """Return the role that an ask is for."""
    for role in ROLES:
        if role == event.recipient:
            return role
    raise ValueError(f"event {event.seq} asks {event.recipient!r}, which is no role")


@dataclass
class Producer:
    """Who numbers what is said in one epoch: from 0, without gaps."""

    name: str
    epoch: int
    pseq: int = 0

    def number(self) -> int:
        """Return the next number."""
        self.pseq += 1
        return self.pseq - 1


async def serve(
    agents: Mapping[Role, Agent],
    bus: Publisher,
    events: AsyncIterator[Event],
    producers: Mapping[Role, Producer],
    history: Iterable[Event] = (),
) -> None:
    """Let agents answer what `events` ask of them, until cancelled.

    `producers` number what the roles say. Of the answers to an ask of `history`, those that it
    holds are not said again.
    """
    given = Counter(event.cause for event in history if event.sender in ROLES)
    async with asyncio.TaskGroup() as group:
        servers = {
            role: _Server(role, agent, bus, producers[role]) for role, agent in agents.items()
        }
        async for event in events:
            server = servers.get(event.recipient)  # type: ignore[call-overload]
            if server is not None:
                group.create_task(server.answer(event, given[event.seq]))


def themselves(roles: Iterable[Role], epoch: int) -> dict[Role, Producer]:
    """Let every role speak for itself; `epoch` counts the processes that have served a run."""
    return {role: Producer(role, epoch) for role in roles}


class _Server:
    """One role's place on the bus."""

    def __init__(self, role: Role, agent: Agent, bus: Publisher, producer: Producer) -> None:
        self._role = role
        self._agent = agent
        self._bus = bus
        self._producer = producer

    async def answer(self, asked: Event, given: int) -> None:
        try:
            answers = self._written((await self._agent.handle(asked))[given:])
        except Exception as error:  # noqa: BLE001 - a role's failure is data for whoever asked
            answers = [self._failure(f"{type(error).__name__}: {error}")]
        await self._bus.publish(self._drafts(asked, answers))

    def _written(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers; if one cannot be written, what is said in the place of all."""
        for answer in answers:
            spoken = answer.completion
            reason = fault(answer.message, _utterance(spoken) if spoken else None)
            if reason:
                kept = rejection(reason, repr(answer).encode(errors="replace"))
                return [self._failure(f"its answer cannot be written: {reason}"), Answer(kept)]
        return list(answers)

    def _failure(self, text: str) -> Answer:
        writable = text.encode(errors="replace").decode()
        return Answer(RoleFailed(role=self._role, error=writable))

    def _drafts(self, asked: Event, answers: Sequence[Answer]) -> list[Draft]:
        return [self._draft(asked, answer) for answer in answers]

    def _draft(self, asked: Event, answer: Answer) -> Draft:
        spoken = answer.completion if answer.completion and not answer.completion.engine else None
        return Draft(
            producer=self._producer.name,
            epoch=self._producer.epoch,
            pseq=self._producer.number(),
            message=_told(answer),
            sender=self._role,
            recipient=asked.sender,
            episode=asked.episode,
            round=asked.round,
            cause=asked.seq,
            task=asked.task,
            policy_version=spoken.policy_version if spoken else None,
            utterance=_utterance(spoken) if spoken else None,
        )


def _told(answer: Answer) -> AnyMessage:
    """Return the message, with the versions that said it if there are several.

    What another engine said tells which, and the tokens that it took.
    """
    message, spoken = answer.message, answer.completion
    if spoken is None or not isinstance(message, Spoken):
        return message
    if spoken.versions:
        return message.model_copy(update={"versions": spoken.versions})
    if not spoken.engine:
        return message
    shown, said = spoken.spent or (0, 0)
    told = {"engine": spoken.engine, "shown_tokens": shown, "said_tokens": said}
    return message.model_copy(update=told)


def _utterance(spoken: Completion) -> Utterance:
    return Utterance(spoken.prompt_tokens, spoken.tokens, spoken.logprobs)
