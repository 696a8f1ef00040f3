"""The examiner poses problems: new ones, or further operations of a problem that was worth it."""

from dataclasses import dataclass

from simctl.agents import prompts
from simctl.agents.agent import Answer, Voice
from simctl.bus.answers import TaskPosed
from simctl.bus.asks import PoseTask
from simctl.bus.event import Event


@dataclass(frozen=True, slots=True)
class Examiner:
    """Answers PoseTask with TaskPosed."""

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Pose one problem; `path` keeps how it was built."""
        ask = asked.message
        if not isinstance(ask, PoseTask):
            raise TypeError(f"the examiner cannot answer {asked.kind!r}")
        [said] = await self.voice.say(asked, ask, prompts.examiner(ask.parent))
        posed = TaskPosed(
            problem=ask.parent + said.text,
            parent_task=ask.parent_task,
            path=f"{ask.parent}+{said.text}" if ask.parent else said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
        )
        return [Answer(posed, said)]
