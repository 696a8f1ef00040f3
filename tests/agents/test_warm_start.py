"""Demonstrations make the embedded policy solve some of what it was never taught."""

import pytest
import torch

from simctl.agents import prompts
from simctl.agents.policy.alphabet import encode
from simctl.agents.policy.embedded import PATH
from simctl.agents.tasks.environment import Demonstrates, Environment
from simctl.agents.tasks.graph import GraphSettings
from simctl.bus.dice import dice
from simctl.trainer.learner import Learner
from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.sample import CrossEntropy, Sample
from simctl.trainer.settings import Training

TARGETS, DEMONSTRATIONS = 40, 1280


def solved(model: torch.nn.Module, env: Environment) -> float:
    """The share of held-out questions whose right answer is the greedy one, token by token."""
    problems = env.targets(1, TARGETS)
    answers = [encode(env.check(problem).reference + "\n") for problem in problems]
    rows = [
        (encode(prompts.solver(each)), ids) for each, ids in zip(problems, answers, strict=True)
    ]
    with torch.inference_mode():
        likeliest = answer_logits(model, rows).argmax(-1)
    right = (likeliest == torch.tensor([each for ids in answers for each in ids])).split(
        [len(ids) for ids in answers]
    )
    return sum(bool(each.all()) for each in right) / TARGETS


@pytest.mark.slow
def test_a_short_rehearsal_lifts_the_questions_of_one_hop():
    env = GraphSettings().environment({1: TARGETS})
    assert isinstance(env, Demonstrates)
    shown = (env.demonstration(dice(at), ("solver",), 1) for at in range(DEMONSTRATIONS))
    samples = [
        Sample(
            role="solver",
            policy_version=None,
            source=at,
            prompt=encode(each.prompt),
            tokens=encode(each.answer),
            logprobs=(0.0,) * len(encode(each.answer)),  # given, not sampled
            weights=(1.0,) * len(encode(each.answer)),
            loss=CrossEntropy(),
        )
        for at, each in enumerate(shown)
        if env.check(each.problem).gates["not_held_out"]
    ]
    rates = {"trainer": {"learning_rate": 2e-3, "minibatch_size": 16}}
    learner = Learner(PATH, PATH, Training.model_validate(rates))
    before = solved(learner.model, env)
    learner.learn(samples, 1)
    assert solved(learner.model, env) >= before + 0.1
