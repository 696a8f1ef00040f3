"""The critic checks an attempt step by step, up to the first wrong one, which it rewrites.

It also says how likely a partial solution is to end well: its value V is the probability of one
accepting answer after the prompt (`.` of the embedded policy, Yes of a chat model). That is what
the loss "value" trains, so an estimate is logged as that answer with its log-probability, and
nothing is drawn.
"""

import math
from dataclasses import dataclass

from simctl.agents.agent import Answer, Voice
from simctl.agents.forms.form import Question
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import CritiqueWritten, ValueEstimated
from simctl.bus.asks import EstimateValue, WriteCritique
from simctl.bus.event import Event

ACCEPT, FAULT = ".", "!"  # stand after a right step, and after the first wrong one


def accepted(critique: str) -> int:
    """Return how many steps a critique accepts before its first fault."""
    return critique.partition(FAULT)[0].count(ACCEPT)


@dataclass(frozen=True, slots=True)
class Critic:
    """Answers WriteCritique with CritiqueWritten, and EstimateValue with ValueEstimated."""

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Check one attempt, `n` times, or estimate one value."""
        ask = asked.message
        if isinstance(ask, EstimateValue):
            return [await self._estimate(asked, ask)]
        if not isinstance(ask, WriteCritique):
            raise TypeError(f"the critic cannot answer {asked.kind!r}")
        question = Question("criticise", ask.problem, attempt=ask.attempt)
        said = await self.voice.say(asked, ask, question)
        return [Answer(written(ask, index, each), each) for index, each in enumerate(said)]

    async def _estimate(self, asked: Event, ask: EstimateValue) -> Answer:
        question = Question("value", ask.problem, partial=ask.partial)
        weighed = await self.voice.weigh(asked, question, self.voice.form.accepting)
        estimated = ValueEstimated(
            task=ask.task, partial=ask.partial, value=math.exp(sum(weighed.logprobs))
        )
        return Answer(estimated, weighed)


def written(
    ask: WriteCritique, index: int, said: Completion, *, privileged: bool = False
) -> CritiqueWritten:
    """Return the critique that was said in answer to an ask."""
    return CritiqueWritten(
        task=ask.task,
        of=ask.of,
        critique=said.text,
        verdict=FAULT not in said.text,
        index=index,
        privileged=privileged,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )
