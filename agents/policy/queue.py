"""A queue: questions to a model wait until nobody can go on, and are answered together."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from simctl.bus.quiescence import Quiescence, Work

Q = TypeVar("Q")
A = TypeVar("A")


class Queue(Generic[Q, A]):
    """Questions for one function, which answers all that wait in one call, in a thread."""

    def __init__(
        self,
        quiescence: Quiescence,
        rank: int,
        answer: Callable[[Sequence[Q]], Sequence[A]],
        *,
        long: bool = False,
    ) -> None:
        """Answer at quiescence; lower ranks go first, and if it is `long` also meanwhile."""
        self._quiescence = quiescence
        self._answer = answer
        self._waiting: list[tuple[Sequence[Q], asyncio.Future[list[A]]]] = []
        quiescence.add(Work(rank, lambda: bool(self._waiting), self._flush, long))

    async def ask(self, questions: Sequence[Q]) -> list[A]:
        """Answer every question, in order, together with whatever else waits."""
        answered: asyncio.Future[list[A]] = asyncio.get_running_loop().create_future()
        self._waiting.append((questions, answered))
        self._quiescence.touch()
        return await answered

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        questions = [question for asked, _ in waiting for question in asked]
        # in a thread, so that signals and other processes are heard while the model works
        try:
            answers = list(await asyncio.to_thread(self._answer, questions))
        except Exception as error:  # noqa: BLE001 - it is the asking role's failure, and data
            for _, answered in waiting:
                if not answered.done():
                    answered.set_exception(error)
            self._quiescence.touch()
            return
        at = 0
        for asked, answered in waiting:
            if not answered.done():
                answered.set_result(answers[at : at + len(asked)])
            at += len(asked)
        self._quiescence.touch()
