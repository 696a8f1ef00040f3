"""Leaks: rehearses beside a policy as a society would, to see what that teaches the solver."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from simctl.agents.policy.alphabet import encode
from simctl.agents.tasks.classroom import lesson
from simctl.bus.asks import ROLES, Role
from simctl.bus.dice import dice
from simctl.cli.recipe import load
from simctl.trainer.learner import Learner
from simctl.trainer.sample import CrossEntropy, Sample
from simctl.trainer.settings import Training

TOKENS = 300_000  # read in a rehearsal: about what a society trains on
REHEARSALS: Mapping[str, Sequence[Role]] = {
    "all roles": ROLES,
    "all but the solver": tuple(role for role in ROLES if role != "solver"),
}
_RECIPE = "society"  # at whose learning rate it rehearses


def rehearse(policy: Path, out: Path, roles: Sequence[Role], tokens: int = TOKENS) -> None:
    """Write into `out` what becomes of a policy that is shown these roles' demonstrations."""
    shutil.copytree(policy, out, dirs_exist_ok=True)
    learner = Learner(policy, policy, Training(trainer=load(_RECIPE).trainer))
    learner.learn(list(_samples(roles, tokens)), version=1)
    learner.save(out)


def _samples(roles: Sequence[Role], tokens: int) -> Iterator[Sample]:
    rng, read = dice(0, "rehearsal", *roles), 0
    while read < tokens:
        shown = lesson(rng, roles=roles)
        prompt, answer = encode(shown.prompt), encode(shown.answer)
        read += len(prompt) + len(answer)
        yield Sample(
            role=shown.role,
            policy_version=None,
            source=0,
            prompt=prompt,
            tokens=answer,
            logprobs=(0.0,) * len(answer),
            weights=(1.0,) * len(answer),
            loss=CrossEntropy(),
        )
