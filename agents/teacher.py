"""The teacher solves a problem under a privileged view; what it sees becomes the lesson."""

from dataclasses import dataclass

from simctl.agents import prompts
from simctl.agents.agent import Answer, Voice
from simctl.agents.critic import written
from simctl.agents.policy.sampler import Completion
from simctl.bus.answers import LessonGiven
from simctl.bus.asks import GiveLesson, ShowDemonstration, WriteCritique
from simctl.bus.event import Event
from simctl.bus.messages import DemonstrationGiven


@dataclass(frozen=True, slots=True)
class Teacher:
    """Answers GiveLesson with LessonGiven: the event's prompt tokens are the teacher's view.

    Answers WriteCritique with a CritiqueWritten that had the reference in view, and
    ShowDemonstration with DemonstrationGiven, for rehearsal.
    """

    voice: Voice

    async def handle(self, asked: Event) -> list[Answer]:
        """Give one lesson, check an attempt, or show one demonstration."""
        match asked.message:
            case GiveLesson() as ask:
                return [await self._lesson(asked, ask)]
            case WriteCritique() as ask:
                prompt = prompts.critic(ask.problem, ask.attempt, ask.reference)
                said = await self.voice.say(asked, ask, prompt)
                return [
                    Answer(written(ask, index, each, privileged=True), each)
                    for index, each in enumerate(said)
                ]
            case ShowDemonstration() as ask:
                shown = DemonstrationGiven(role=ask.role, prompt=ask.prompt, answer=ask.answer)
                return [Answer(shown, self._lay_out(ask.prompt, ask.answer))]
            case _:
                raise TypeError(f"the teacher cannot answer {asked.kind!r}")

    async def _lesson(self, asked: Event, ask: GiveLesson) -> Answer:
        prompt = _prompt(ask)
        if ask.speak:
            [said] = await self.voice.say(asked, ask, prompt)
        else:
            said = self._lay_out(prompt)
        lesson = LessonGiven(
            task=ask.task,
            of=ask.of,
            view=ask.view,
            reveal=ask.reveal,
            solution=said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
        )
        return Answer(lesson, said)

    def _lay_out(self, prompt: str, answer: str = "") -> Completion:
        sampler = self.voice.sampler
        tokens = sampler.encode(answer)
        return Completion(
            prompt_tokens=sampler.encode(prompt),
            tokens=tokens,
            logprobs=(0.0,) * len(tokens),  # given, not sampled
            text=answer,
            truncated=False,
            policy_version=sampler.version,
        )


def _prompt(ask: GiveLesson) -> str:
    match ask.view:
        case "self":
            return prompts.solver(ask.problem)
        case "blank":
            return prompts.teacher(ask.problem, "")
        case "critique" | "attempt":
            return prompts.teacher(ask.problem, ask.attempt, ask.critique)
        case "reference" | "path" | "answer" | "sibling" | "skill":
            return prompts.teacher(ask.problem, ask.reference)
