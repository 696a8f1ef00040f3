"""Exams: what a throw-away copy of the solver learns from examples, as the environment marks it."""

from collections.abc import Sequence
from dataclasses import dataclass

from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form, Question
from simctl.agents.policy.sampler import Completion, Prompt, Studies, Study
from simctl.agents.tasks.environment import Environment
from simctl.bus.answers import ExamTaken
from simctl.bus.asks import SitExam


@dataclass(frozen=True, slots=True)
class Exams:
    """Whose copies sit exams, and who marks them."""

    studies: Studies
    environment: Environment
    form: Form = CHARACTERS

    async def sit(self, ask: SitExam, key: int) -> ExamTaken:
        """Let a copy learn; both scores are shares of the same problems, solved greedily."""
        [studied] = await self.studies.study(
            [
                Study(
                    examples=tuple((self._ask(each), right) for each, right in ask.examples),
                    exam=tuple(self._ask(problem) for problem in ask.exam),
                    steps=ask.steps,
                    learning_rate=ask.learning_rate,
                    key=key,
                    max_completion_length=ask.sampling.max_completion_length,
                )
            ]
        )
        return ExamTaken(
            task=ask.task,
            examples=len(ask.examples),
            problems=len(ask.exam),
            before=self._mark(ask.exam, studied.before),
            after=self._mark(ask.exam, studied.after),
            tokens=sum(len(each.tokens) for each in studied.before + studied.after),
            key=key,
        )

    def _ask(self, problem: str) -> Prompt:
        return self.form.put(Question("solve", problem))

    def _mark(self, exam: Sequence[str], answers: Sequence[Completion]) -> float:
        marks = [
            self.environment.grade_attempt(
                problem, self.form.read(Question("solve", problem), answer.text).text
            ).parts["correct"]
            for problem, answer in zip(exam, answers, strict=True)
        ]
        return sum(marks) / len(marks) if marks else 0.0
