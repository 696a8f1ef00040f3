"""The critic checks an attempt step by step, up to the first wrong one, which it rewrites."""

from dataclasses import dataclass

from simctl.agents import prompts
from simctl.agents.agent import Answer, Voice
from simctl.bus.answers import CritiqueWritten
from simctl.bus.asks import WriteCritique
from simctl.bus.event import Event

FAULT = "!"  # stands after the first wrong step


@dataclass(frozen=True, slots=True)
class Critic:
    """Answers WriteCritique with CritiqueWritten."""

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Check one attempt."""
        ask = asked.message
        if not isinstance(ask, WriteCritique):
            raise TypeError(f"the critic cannot answer {asked.kind!r}")
        [said] = await self.voice.say(asked, ask, prompts.critic(ask.problem, ask.attempt))
        written = CritiqueWritten(
            task=ask.task,
            of=ask.of,
            critique=said.text,
            verdict=FAULT not in said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
        )
        return [Answer(written, said)]
