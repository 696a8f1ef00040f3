"""A desk: where one problem is worked on. It asks the policy, and counts what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from simctl.agents.agent import as_read
from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form, Question
from simctl.agents.policy.sampler import Completion, Request, Sampler, Studies, Study
from simctl.agents.tasks.environment import Environment, answer_of, steps_of
from simctl.bus.asks import Role, Sampling
from simctl.bus.dice import stream


@dataclass
class Desk:
    """One problem, the policy, and the family of problems; `seed` names the noise.

    `tokens` counts what was sampled, and what was weighed: a value costs one token.
    """

    problem: str
    environment: Environment
    sampler: Sampler
    seed: int
    form: Form = CHARACTERS
    tokens: int = 0
    _asked: int = 0

    async def say(
        self, asked: Sequence[Question], sampling: Sampling, role: Role = "solver"
    ) -> list[Completion]:
        """Return an answer to each question by a role, every one with noise of its own."""
        said = await self._ask([(question, None) for question in asked], sampling, role)
        pairs = zip(asked, said, strict=True)
        return [as_read(self.form, question, each) for question, each in pairs]

    async def weigh(
        self, asked: Sequence[Question], answer: str, role: Role = "solver"
    ) -> list[float]:
        """Return the log-probability of `answer` to each question, in nats."""
        weighed = await self._ask([(question, answer) for question in asked], Sampling(), role)
        return [sum(each.logprobs) for each in weighed]

    async def attempt(self, n: int, sampling: Sampling) -> list[Completion]:
        """Return `n` attempts, as the solver makes them."""
        return await self.attempt_from([""] * n, sampling)

    async def attempt_from(self, prefixes: Sequence[str], sampling: Sampling) -> list[Completion]:
        """Return one way on from each prefix."""
        asked = [Question("solve", self.problem, partial=each) for each in prefixes]
        return await self.say(asked, sampling)

    async def critique(self, attempts: Sequence[str], sampling: Sampling) -> list[Completion]:
        """Return the critic's check of each attempt."""
        asked = [Question("criticise", self.problem, attempt=each) for each in attempts]
        return await self.say(asked, sampling, "critic")

    async def values(self, partials: Sequence[str]) -> list[float]:
        """Return the log of the critic's value of each partial solution."""
        asked = [Question("value", self.problem, partial=each) for each in partials]
        return await self.weigh(asked, self.form.accepting, "critic")

    async def study(self, wanted: Study) -> str:
        """Return what a copy that learnt answers to the one prompt of its exam.

        Raises:
            TypeError: the policy lets no copy learn.
        """
        if not isinstance(self.sampler, Studies):
            raise TypeError(f"{type(self.sampler).__name__} lets no copy of its policy learn")
        [studied] = await self.sampler.study([wanted])
        [after] = studied.after
        self.tokens += len(after.tokens)
        return after.text

    def answer_of(self, attempt: str) -> str:
        """Return what attempts are compared by: the final answer, "" where there is none."""
        return answer_of(self.environment, attempt)

    def steps(self, attempt: str) -> list[str]:
        """Cut an attempt into its steps."""
        return steps_of(self.environment, attempt)

    def right(self, attempt: str) -> bool:
        """Whether the verifier finds the whole derivation right."""
        return self.environment.grade_attempt(self.problem, attempt).parts["correct"] == 1.0

    async def _ask(
        self, wanted: Sequence[tuple[Question, str | None]], sampling: Sampling, role: Role
    ) -> list[Completion]:
        requests = [
            Request(
                self.form.put(question),
                stream(self.seed, "desk", self._asked + at),
                sampling,
                answer,
                role,
            )
            for at, (question, answer) in enumerate(wanted)
        ]
        self._asked += len(requests)
        said = await self.sampler.sample(requests)
        self.tokens += sum(len(each.tokens) for each in said)
        return said
