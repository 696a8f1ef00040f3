"""The teacher solves a problem under a privileged view; what it sees becomes the lesson."""

from dataclasses import dataclass, replace

from simctl.agents.agent import Answer, Voice
from simctl.agents.critic import written
from simctl.agents.forms.form import Question
from simctl.agents.policy.sampler import Completion, Prompt
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
                question = Question("criticise", ask.problem, attempt=ask.attempt)
                if ask.reference:
                    question = replace(question, turn="check", seen=ask.reference)
                said = await self.voice.say(asked, ask, question)
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
        question = _question(ask)
        if ask.speak:
            [said] = await self.voice.say(asked, ask, question)
        else:
            said = self._lay_out(self.voice.form.put(question))
        lesson = LessonGiven(
            task=ask.task,
            of=ask.of,
            view=ask.view,
            reveal=ask.reveal,
            solution=said.text,
            temperature=ask.sampling.temperature,
            truncated=said.truncated,
            unread=said.unread,
        )
        return Answer(lesson, said)

    def _lay_out(self, prompt: Prompt, answer: str = "") -> Completion:
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


def _question(ask: GiveLesson) -> Question:
    match ask.view:
        case "self":
            return Question("solve", ask.problem)
        case "blank":
            return Question("retell", ask.problem)
        case "critique" | "attempt":
            return Question("remind", ask.problem, attempt=ask.attempt, seen=ask.critique)
        case "reference" | "path" | "answer" | "sibling" | "skill":
            return Question("teach", ask.problem, seen=ask.reference)
