"""Roles with weights of their own: each speaks with its copy, which is proved like the rest."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from asking import answer
from safetensors.torch import load_file, save_file

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import Completion, Request, Studied, Study
from simctl.agents.policy.sync import sync
from simctl.agents.policy.transformers import EXACT, TransformersSampler
from simctl.bus.asks import Role, Sampling
from simctl.bus.messages import PolicyUpdated, Probe
from simctl.bus.quiescence import Quiescence
from simctl.cli.errors import UserError
from simctl.cli.policies import of_recipe
from simctl.cli.recipe import load
from simctl.store.policies import COPIES, WEIGHTS, PolicyState, PolicyStore

ASKED = ("@7k+5l*3m-4>", "@2a+1>", "#>")


def other_weights(target: Path) -> Path:
    """Write the embedded policy with every weight a little larger."""
    shutil.copytree(PATH, target)
    grown = {name: each * 1.05 for name, each in load_file(PATH / WEIGHTS).items()}
    save_file(grown, target / WEIGHTS, {"format": "pt"})
    return target


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_weights(tmp_path_factory.mktemp("policies") / "other")


@pytest.fixture(scope="module")
def apart(other: Path) -> Path:
    """A policy of which the examiner and the solver have copies that are like `other`."""
    place = shutil.copytree(PATH, other.parent / "apart")
    for role in ("examiner", "solver"):
        shutil.copytree(other, place / COPIES / role)
    return place


def requests(*roles: Role) -> list[Request]:
    greedy = Sampling(temperature=0, max_completion_length=24)
    return [Request(each, 0, greedy, role=role) for each in ASKED for role in roles]


def answers(sampler_at: Path, asked: Sequence[Request], *separate: Role) -> list[Completion]:
    return answer(lambda q: TransformersSampler(sampler_at, 0, q, separate=separate), asked)


def test_each_role_speaks_with_its_own_weights_and_the_rest_with_what_they_share(
    apart: Path, other: Path
):
    together = answers(apart, requests("examiner", "critic"), "examiner")
    own = answers(other, requests("examiner"))
    shared = answers(PATH, requests("critic"))
    assert together[::2] == own
    assert together[1::2] == shared
    assert own != shared


def test_a_role_that_is_not_separate_leaves_its_copy_unused(apart: Path):
    assert answers(apart, requests("examiner")) == answers(PATH, requests("examiner"))


def test_a_role_that_has_no_copy_yet_speaks_with_what_the_rest_share():
    found = answers(PATH, requests("examiner"), "examiner")
    assert found == answers(PATH, requests("critic"))


def test_it_is_the_solvers_copy_that_studies(apart: Path, other: Path):
    wanted = Study(examples=(), exam=ASKED, steps=1, learning_rate=0.1, max_completion_length=24)

    async def learn() -> Studied:
        quiescence = Quiescence()
        sampler = TransformersSampler(apart, 0, quiescence, separate=("solver",))
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            [studied] = await sampler.study([wanted])
            pump.cancel()
        return studied

    assert list(asyncio.run(learn()).before) == answers(other, requests("solver"))


# --- a new version, with a copy ------------------------------------------------------------------


@pytest.fixture
def policies(tmp_path: Path, apart: Path) -> PolicyStore:
    """Two versions: the embedded policy, and that with copies."""
    store = PolicyStore(tmp_path)
    store.adopt(PATH)
    state = PolicyState(version=1, parent=0)
    store.commit(1, lambda place: _fill(place, apart), state)
    return store


def _fill(place: Path, policy: Path) -> None:
    shutil.copytree(policy, place, dirs_exist_ok=True)


@pytest.fixture
def sampler(policies: PolicyStore) -> TransformersSampler:
    return TransformersSampler(policies.path(0), 0, Quiescence(), separate=("examiner",))


def update(policies: PolicyStore, sampler: TransformersSampler, off: float = 0.0) -> PolicyUpdated:
    """Announce version 1; the examiner's log-probabilities are `off`."""

    def probe(role: Role | None, off: float) -> tuple[Probe, ...]:
        prompt, tokens = sampler.encode("@7k+5l*3>"), sampler.encode("k+5=2l*3=6\n")
        logprobs = sampler.score(prompt, tokens, role)
        return (Probe(prompt=prompt, tokens=tokens, logprobs=[each + off for each in logprobs]),)

    sampler.propose(1, policies.path(1))
    return PolicyUpdated(
        version=1,
        parent=0,
        sha256=policies.sha256(1),
        metrics={},
        probes=probe(None, 0.0),
        copies={"examiner": probe("examiner", off)},
    )


def test_a_version_serves_once_every_copy_is_as_announced(
    policies: PolicyStore, sampler: TransformersSampler
):
    synced = sync(sampler, update(policies, sampler), policies)
    assert (synced.ok, synced.delta, sampler.version) == (True, 0.0, 1)


def test_a_version_of_which_one_copy_gives_other_logprobs_is_refused_whole(
    policies: PolicyStore, sampler: TransformersSampler
):
    synced = sync(sampler, update(policies, sampler, off=2 * EXACT), policies)
    assert not synced.ok
    assert "log-probabilities of the examiner's copy differ" in synced.reason
    assert sampler.version == 0
    sampler.propose(1, policies.path(1))
    assert sampler.score((1,), (2,), "examiner") != sampler.score((1,), (2,))


def test_a_version_of_which_one_copy_is_gone_is_refused(
    policies: PolicyStore, sampler: TransformersSampler
):
    announced = update(policies, sampler)
    shutil.rmtree(policies.path(1) / COPIES / "examiner")
    synced = sync(sampler, announced, policies)
    assert not synced.ok
    assert "sha256" in synced.reason


def test_a_run_does_not_begin_with_copies_that_its_recipe_would_leave_unused(apart: Path):
    sets = [f'policy.path="{apart}"', 'trainer.separate=["examiner"]']
    with pytest.raises(UserError, match="the solver has weights of its own"):
        of_recipe(load("r_zero", sets))
    assert of_recipe(load("r_zero", [sets[0], 'trainer.separate=["examiner", "solver"]'])) == apart
