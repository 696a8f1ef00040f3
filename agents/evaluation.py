"""Evaluation: held-out targets, solved in one way of answering. What is sampled never trains."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form, Question
from simctl.agents.inference import AnyMode, Single
from simctl.agents.inference.desk import Desk
from simctl.agents.policy.sampler import Request, Sampler
from simctl.agents.tasks.environment import Environment
from simctl.bus.asks import Sampling
from simctl.bus.dice import stream
from simctl.bus.messages import PolicyEvaluated
from simctl.bus.values import Value


class Suite(Value):
    """A held-out set: `problems` targets of one difficulty."""

    name: str = Field(description="what the scores are filed under")
    difficulty: int = Field(ge=1, description="difficulty of the held-out problems")
    problems: int = Field(default=100, ge=1, description="how many held-out problems")
    attempts: int = Field(
        default=1, ge=1, description="sampled attempts per problem; over 1 also gives pass@k"
    )
    max_completion_length: int = Field(
        default=128, ge=1, description="longest attempt of the bare solver, in tokens"
    )
    mode: AnyMode = Field(
        default=Single(), description="how they are solved; all but single give one score"
    )


@dataclass(frozen=True, slots=True)
class _Examined:
    """Who is examined, in what, with which noise."""

    environment: Environment
    sampler: Sampler
    seed: int
    form: Form


async def evaluate(
    suite: Suite, env: Environment, sampler: Sampler, seed: int, form: Form = CHARACTERS
) -> PolicyEvaluated:
    """Solve every problem of the suite in its mode, asked in `form`.

    Scores are shares of problems of which the whole derivation is right. In the mode `single` the
    bare solver is scored `greedy` once, `sampled` at temperature 1 `attempts` times, and by pass@k;
    any other mode gives one score under its own name.
    """
    problems = env.targets(suite.difficulty, suite.problems)
    measured = _bare if isinstance(suite.mode, Single) else _in_mode
    scores, tokens = await measured(suite, problems, _Examined(env, sampler, seed, form))
    return PolicyEvaluated(
        version=sampler.version,
        suite=suite.name,
        scores={name: round(score, 6) for name, score in scores.items()},
        problems=len(problems),
        tokens=tokens,
    )


async def _bare(
    suite: Suite, problems: Sequence[str], who: _Examined
) -> tuple[dict[str, float], int]:
    n, k, length = len(problems), suite.attempts, suite.max_completion_length
    cool = Sampling(temperature=0, max_completion_length=length)
    warm = Sampling(max_completion_length=length)
    questions = [Question("solve", problem) for problem in problems]
    asked = [who.form.put(question) for question in questions]
    greedy = [Request(prompt, 0, cool) for prompt in asked]
    sampled = [
        Request(prompt, stream(who.seed, "evaluate", suite.name, at, each), warm)
        for at, prompt in enumerate(asked)
        for each in range(k)
    ]
    said = await who.sampler.sample(greedy + sampled)
    put = questions + [question for question in questions for _ in range(k)]
    right = [
        who.environment.grade_attempt(
            question.problem, who.form.read(question, each.text).text
        ).parts["correct"]
        for question, each in zip(put, said, strict=True)
    ]
    scores = {"greedy": sum(right[:n]) / n, "sampled": sum(right[n:]) / (n * k)}
    if k > 1:
        scores[f"pass@{k}"] = sum(max(right[n + k * at : n + k * (at + 1)]) for at in range(n)) / n
    return scores, sum(len(each.tokens) for each in said)


async def _in_mode(
    suite: Suite, problems: Sequence[str], who: _Examined
) -> tuple[dict[str, float], int]:
    desks = [
        Desk(
            problem,
            who.environment,
            who.sampler,
            stream(who.seed, "evaluate", suite.name, at),
            who.form,
        )
        for at, problem in enumerate(problems)
    ]
    # side by side, so that what one desk asks is answered in a batch with what the others ask
    async with asyncio.TaskGroup() as group:
        solving = [group.create_task(suite.mode.solve(desk)) for desk in desks]
    right = [desk.right(each.result()) for desk, each in zip(desks, solving, strict=True)]
    return {suite.mode.kind: sum(right) / len(right)}, sum(desk.tokens for desk in desks)
