"""The guide says whether a problem is worth solving, and gives the next step when all are stuck."""

import math
from dataclasses import dataclass

from simctl.agents import prompts
from simctl.agents.agent import Answer, Voice
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
        partial = ask.partial if isinstance(ask, GiveHint) else ""
        [said] = await self.voice.say(asked, ask, prompts.guide(ask.problem, partial))
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
    )


def _clean(said: Completion) -> float:
    """Return the probability of the clean judgement; what is no judgement clears nothing."""
    chosen = math.exp(said.logprobs[0])
    return {CLEAN: chosen, DEGENERATE: 1.0 - chosen}.get(said.text[:1], 0.0)


def _hint(ask: GiveHint, said: Completion) -> HintGiven:
    return HintGiven(
        task=ask.task,
        partial=ask.partial,
        hint=said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
    )
