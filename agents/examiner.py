"""The examiner poses problems: new ones, or further operations of a problem that was worth it."""

from dataclasses import dataclass

from simctl.agents.agent import Answer, Voice
from simctl.agents.forms.form import Question
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import ErrorPlanted, TaskPosed
from simctl.bus.asks import PlantError, PoseTask
from simctl.bus.event import Event


@dataclass(frozen=True, slots=True)
class Examiner:
    """Answers PoseTask with TaskPosed, and PlantError with ErrorPlanted."""

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Pose one problem, or go on after right steps with a wrong one."""
        ask = asked.message
        match ask:
            case PoseTask():
                question = Question("extend" if ask.parent else "pose", ask.parent)
                [said] = await self.voice.say(asked, ask, question)
                return [Answer(_posed(ask, said), said)]
            case PlantError():
                question = Question("plant", ask.problem, partial=ask.prefix)
                [said] = await self.voice.say(asked, ask, question)
                return [Answer(_planted(ask, said), said)]
            case _:
                raise TypeError(f"the examiner cannot answer {asked.kind!r}")


def _posed(ask: PoseTask, said: Completion) -> TaskPosed:
    return TaskPosed(
        problem=ask.parent + said.text,
        parent_task=ask.parent_task,
        path=f"{ask.parent}+{said.text}" if ask.parent else said.text,  # how it was built
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )


def _planted(ask: PlantError, said: Completion) -> ErrorPlanted:
    return ErrorPlanted(
        task=ask.task,
        prefix=ask.prefix,
        attempt=ask.prefix + said.text,
        temperature=ask.sampling.temperature,
        truncated=said.truncated,
        unread=said.unread,
    )
