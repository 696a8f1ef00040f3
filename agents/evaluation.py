"""Evaluation: held-out targets, solved by the bare solver. What is sampled here never trains."""

from pydantic import Field

from simctl.agents import prompts
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


async def evaluate(suite: Suite, env: Environment, sampler: Sampler, seed: int) -> PolicyEvaluated:
    """Solve every problem of the suite greedily once and at temperature 1 `attempts` times.

    Scores are shares of problems (greedy, sampled, pass@k) of which the whole derivation is right.
    """
    problems = env.targets(suite.difficulty, suite.problems)
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
    return PolicyEvaluated(
        version=sampler.version,
        suite=suite.name,
        scores={name: round(score, 6) for name, score in scores.items()},
        problems=n,
        tokens=sum(len(each.tokens) for each in said),
    )
