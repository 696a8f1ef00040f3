"""The solver attempts a problem. It sees the problem, and a hint only where one was asked for."""

from dataclasses import dataclass

from simctl.agents.agent import Answer, Voice, noise
from simctl.agents.exams import Exams
from simctl.agents.forms.form import Question
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import ActionTaken, AttemptMade, AttemptRevised
from simctl.bus.asks import ReviseAttempt, SitExam, SolveTask, TakeAction
from simctl.bus.event import Event


@dataclass(frozen=True, slots=True)
class Solver:
    """Answers SolveTask and ReviseAttempt with `n` attempts, and TakeAction with an action.

    Answers SitExam with ExamTaken, where its copies may sit exams.
    """

    voice: Voice
    exams: Exams | None = None

    async def handle(self, asked: Event) -> list[Answer]:
        """Attempt the problem `n` times, each with its own noise, or take one action."""
        ask = asked.message
        match ask:
            case SolveTask():
                said = await self.voice.say(asked, ask, _question(ask))
                return [Answer(_attempt(ask, index, each), each) for index, each in enumerate(said)]
            case ReviseAttempt():
                question = Question("revise", ask.problem, attempt=ask.attempt, seen=ask.critique)
                said = await self.voice.say(asked, ask, question)
                return [Answer(_revision(ask, at, each), each) for at, each in enumerate(said)]
            case TakeAction():
                question = Question("act", ask.problem, history=ask.history)
                [done] = await self.voice.say(asked, ask, question)
                return [Answer(_action(ask, done), done)]
            case SitExam() if self.exams is not None:
                return [Answer(await self.exams.sit(ask, noise(self.voice.seed, asked, 0)))]
            case _:
                raise TypeError(f"the solver cannot answer {asked.kind!r}")


def _question(ask: SolveTask) -> Question:
    if ask.hint:
        return Question("hinted", ask.problem, seen=ask.hint)
    return Question("solve", ask.problem, partial=ask.prefix)


def _attempt(ask: SolveTask, index: int, said: Completion) -> AttemptMade | AttemptRevised:
    if ask.prefix:
        return AttemptRevised(
            task=ask.task,
            index=index,
            prefix=ask.prefix,
            attempt=ask.prefix + said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
            unread=said.unread,
        )
    return AttemptMade(
        task=ask.task,
        index=index,
        attempt=said.text,
        hint=ask.hint,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )


def _revision(ask: ReviseAttempt, index: int, said: Completion) -> AttemptRevised:
    return AttemptRevised(
        task=ask.task,
        index=index,
        prefix="",
        attempt=said.text,
        of=ask.of,
        turn=ask.turn,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )


def _action(ask: TakeAction, said: Completion) -> ActionTaken:
    return ActionTaken(
        task=ask.task,
        index=ask.index,
        turn=ask.turn,
        action=said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )
