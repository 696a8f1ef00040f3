"""The guide says whether a problem is worth solving, and gives the next step when all are stuck."""

import math
from dataclasses import dataclass

from simctl.agents.agent import Answer, Voice
from simctl.agents.forms.form import Question
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import (
    HintGiven,
    TaskJudged,
)
from simctl.bus.asks import GiveHint, JudgeTask
from simctl.bus.event import Event

CLEAN, DEGENERATE = "^", "~"  # its judgements: a proper problem, or not


@dataclass(frozen=True, slots=True)
class Guide:
    """Answers JudgeTask with TaskJudged and GiveHint with HintGiven."""

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Judge a problem, or give a hint."""
        ask = asked.message
        if not isinstance(ask, JudgeTask | GiveHint):
            raise TypeError(f"the guide cannot answer {asked.kind!r}")
        question = Question("judge", ask.problem)
        if isinstance(ask, GiveHint):
            question = Question("hint", ask.problem, partial=ask.partial)
        [said] = await self.voice.say(asked, ask, question)
        return [
            Answer(_judged(ask, said) if isinstance(ask, JudgeTask) else _hint(ask, said), said)
        ]


def _judged(ask: JudgeTask, said: Completion) -> TaskJudged:
    return TaskJudged(
        task=ask.task,
        clean=_clean(said),
        judgement=said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )


def _clean(said: Completion) -> float:
    """Return the probability of the clean judgement; what is no judgement clears nothing.

    It is that of the first token, which decides; where something is said before, of that, so that
    the judgement counts for all or nothing.
    """
    if said.unread:
        return 0.0
    chosen = math.exp(said.logprobs[0]) if said.logprobs else 1.0  # of an endpoint without them
    return {CLEAN: chosen, DEGENERATE: 1.0 - chosen}.get(said.text[:1], 0.0)


def _hint(ask: GiveHint, said: Completion) -> HintGiven:
    return HintGiven(
        task=ask.task,
        partial=ask.partial,
        hint=said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )
