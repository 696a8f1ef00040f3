"""The solver attempts a problem. It sees the problem, and a hint only where one was asked for."""

from dataclasses import dataclass

from simctl.agents import prompts
from simctl.agents.agent import Answer, Voice, noise
from simctl.agents.exams import Exams
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import (
    AttemptMade,
    AttemptRevised,
)
from simctl.bus.asks import SitExam, SolveTask
from simctl.bus.event import Event


@dataclass(frozen=True, slots=True)
class Solver:
    """Answers SolveTask with `n` times AttemptMade, or AttemptRevised after a hint.

    Answers SitExam with ExamTaken, where its copies may sit exams.
    """

    voice: Voice
    exams: Exams | None = None

    async def handle(self, asked: Event) -> list[Answer]:
        """Attempt the problem `n` times, each with its own noise, or let a copy sit an exam."""
        ask = asked.message
        if isinstance(ask, SitExam) and self.exams is not None:
            return [Answer(await self.exams.sit(ask, noise(self.voice.seed, asked, 0)))]
        if not isinstance(ask, SolveTask):
            raise TypeError(f"the solver cannot answer {asked.kind!r}")
        said = await self.voice.say(asked, ask, prompts.solver(ask.problem, ask.prefix))
        return [Answer(_attempt(ask, index, each), each) for index, each in enumerate(said)]


def _attempt(ask: SolveTask, index: int, said: Completion) -> AttemptMade | AttemptRevised:
    if ask.prefix:
        return AttemptRevised(
            task=ask.task,
            index=index,
            prefix=ask.prefix,
            attempt=ask.prefix + said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
        )
    return AttemptMade(
        task=ask.task,
        index=index,
        attempt=said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
    )
