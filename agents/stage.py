"""The stage: where an episode asks the roles and notes what the environment and society found.

An episode speaks as one producer whose messages are numbered. When a broken-off round is played
again, what the log already has is not said twice: asks find the answers that were given.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from random import Random

from simctl.bus.answers import RoleFailed
from simctl.bus.asks import ROLES, AnyAsk, Role
from simctl.bus.dice import dice
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    EpisodeEnded,
)


class RoleFailedError(Exception):
    """A role could not answer what an episode asked."""


class Answers:
    """Answers by the ask that caused them, kept until the episode takes them."""

    def __init__(self, history: Iterable[Event] = ()) -> None:
        """Begin with the answers that `history` (a broken-off round) holds."""
        self._given: dict[int, list[Event]] = {}
        self._wanted: dict[int, asyncio.Event] = {}
        for event in history:
            self.hear(event)

    def hear(self, event: Event) -> None:
        """Keep an event if a role said it in answer to something."""
        if event.kind == "message_rejected":
            return
        if event.sender in ROLES and event.cause is not None:
            self._given.setdefault(event.cause, []).append(event)
            if event.cause in self._wanted:
                self._wanted[event.cause].set()

    async def hear_all(self, events: AsyncIterator[Event]) -> None:
        """Keep what is said, until cancelled."""
        async for event in events:
            self.hear(event)

    def has(self, asked: Event, count: int) -> bool:
        """Whether `count` answers to `asked` are known, or a failure."""
        return self._complete(asked.seq, count)

    async def take(self, asked: Event, count: int) -> list[Event]:
        """Wait for `count` answers; a failure stands for all of them."""
        news = self._wanted.setdefault(asked.seq, asyncio.Event())
        while not self._complete(asked.seq, count):
            news.clear()
            await news.wait()
        del self._wanted[asked.seq]
        return self._given.pop(asked.seq)

    def _complete(self, seq: int, count: int) -> bool:
        given = self._given.get(seq, ())
        return len(given) >= count or any(event.kind == "role_failed" for event in given)


class Stage:
    """One episode's place in a round."""

    def __init__(
        self, bus: MemoryBus, answers: Answers, *, name: str, round_: int, seed: int
    ) -> None:
        """Speak on `bus` as the episode `name` of a round."""
        self.name = name
        self._bus = bus
        self._answers = answers
        self._round = round_
        self._seed = seed
        self._pseq = 0
        self._noted: list[Draft] = []  # goes into the log with what is said next

    def dice(self, purpose: str) -> Random:
        """Return the episode's own dice for a purpose."""
        return dice(self._seed, purpose, self.name)

    async def ask(
        self, role: Role, ask: AnyAsk, *, cause: Event | None = None, task: int | None = None
    ) -> list[Event]:
        """Ask one role and return its answers, in order.

        Raises:
            RoleFailedError: the role could not answer.
        """
        [answers] = await self.ask_all(role, [ask], cause=cause, task=task)
        return answers

    async def ask_all(
        self,
        role: Role,
        asks: Iterable[AnyAsk],
        *,
        cause: Event | None = None,
        task: int | None = None,
    ) -> list[list[Event]]:
        """Ask one role several things at once; return the answers to each, in order."""
        wanted = list(asks)
        asked = await self._say(self._draft(ask, role, _seq(cause), task) for ask in wanted)
        pairs = list(zip(asked, wanted, strict=True))
        # what an earlier process asked without living to hear all answers is asked again
        self._bus.redeliver(e for e, ask in pairs if not self._answers.has(e, ask.answers))
        replies = [await self._answers.take(event, ask.answers) for event, ask in pairs]
        for reply in replies:
            _refuse_failures(reply)
        return replies

    async def tell(self, message: AnyMessage) -> Event:
        """Write down what the environment says, and return its event."""
        [event] = await self._say([self._draft(message, "", None, None)])
        return event

    def note(
        self, message: AnyMessage, *, cause: Event | None = None, task: int | None = None
    ) -> None:
        """Write down, with what is said next, what the environment or the episode found."""
        self._noted.append(self._draft(message, "", _seq(cause), task))

    def grade(self, *grades: AnswerGraded) -> None:
        """Write down grades, with what is said next, each caused by what it grades."""
        self._noted += [self._draft(each, "", each.of, each.task) for each in grades]

    async def end(self, ended: EpisodeEnded) -> None:
        """Write down how the episode ended, and whatever was noted before."""
        await self._say([self._draft(ended, "", None, None)])

    async def _say(self, drafts: Iterable[Draft]) -> list[Event]:
        """Publish drafts in one commit with what was noted before; return their events."""
        noted, self._noted = self._noted, []
        events = await self._bus.publish([*noted, *drafts])
        return events[len(noted) :]

    def _draft(
        self, message: AnyMessage, recipient: str, cause: int | None, task: int | None
    ) -> Draft:
        draft = Draft(
            producer=self.name,
            epoch=0,
            pseq=self._pseq,
            message=message,
            sender="environment" if not recipient else "episode",
            recipient=recipient,
            episode=self.name,
            round=self._round,
            cause=cause,
            task=task,
        )
        self._pseq += 1
        return draft


def _seq(cause: Event | None) -> int | None:
    return None if cause is None else cause.seq


def _refuse_failures(reply: list[Event]) -> None:
    for event in reply:
        if isinstance(event.message, RoleFailed):
            raise RoleFailedError(f"{event.message.role}: {event.message.error}")
