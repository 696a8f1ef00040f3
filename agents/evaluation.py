"""Evaluation: held-out targets, solved in one way of answering. What is sampled never trains."""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from simctl.agents import prompts
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
    mode: AnyMode = Field(
        default=Single(), description="how they are solved; all but single give one score"
    )


async def evaluate(suite: Suite, env: Environment, sampler: Sampler, seed: int) -> PolicyEvaluated:
    """Solve every problem of the suite in its mode.

    Scores are shares of problems of which the whole derivation is right. In the mode `single` the
    bare solver is scored `greedy` once, `sampled` at temperature 1 `attempts` times, and by pass@k;
    any other mode gives one score under its own name.
    """
    problems = env.targets(suite.difficulty, suite.problems)
    measured = _bare if isinstance(suite.mode, Single) else _in_mode
    scores, tokens = await measured(suite, problems, env, sampler, seed)
    return PolicyEvaluated(
        version=sampler.version,
        suite=suite.name,
        scores={name: round(score, 6) for name, score in scores.items()},
        problems=len(problems),
        tokens=tokens,
    )


async def _bare(
    suite: Suite, problems: Sequence[str], env: Environment, sampler: Sampler, seed: int
) -> tuple[dict[str, float], int]:
    prompts_ = [prompts.solver(problem) for problem in problems]
    greedy = [Request(prompt, 0, Sampling(temperature=0)) for prompt in prompts_]
    sampled = [
        Request(prompt, stream(seed, "evaluate", suite.name, at, k), Sampling())
        for at, prompt in enumerate(prompts_)
        for k in range(suite.attempts)
    ]
    said = await sampler.sample(greedy + sampled)
    k = suite.attempts
    asked = list(problems) + [problem for problem in problems for _ in range(k)]
    right = [
        env.grade_attempt(problem, each.text).parts["correct"]
        for problem, each in zip(asked, said, strict=True)
    ]
    n = len(problems)
    scores = {"greedy": sum(right[:n]) / n, "sampled": sum(right[n:]) / (n * k)}
    if k > 1:
        scores[f"pass@{k}"] = sum(max(right[n + k * at : n + k * (at + 1)]) for at in range(n)) / n
    return scores, sum(len(each.tokens) for each in said)


async def _in_mode(
    suite: Suite, problems: Sequence[str], env: Environment, sampler: Sampler, seed: int
) -> tuple[dict[str, float], int]:
    desks = [
        Desk(problem, env, sampler, stream(seed, "evaluate", suite.name, at))
        for at, problem in enumerate(problems)
    ]
    # side by side, so that what one desk asks is answered in a batch with what the others ask
    async with asyncio.TaskGroup() as group:
        solving = [group.create_task(suite.mode.solve(desk)) for desk in desks]
    right = [desk.right(each.result()) for desk, each in zip(desks, solving, strict=True)]
    return {suite.mode.kind: sum(right) / len(right)}, sum(desk.tokens for desk in desks)
