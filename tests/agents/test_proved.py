"""New weights serve once they are proved, whatever engine holds them (a sync may lie)."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served import served
from versions import PROMPT, TOKENS, announced, three
from vllm_routes import Held, Reload, Routes, as_told

from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.sampler import Request, ServingSampler
from simctl.agents.policy.sync import sync
from simctl.agents.policy.transformers import EXACT, TransformersSampler
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Remote
from simctl.bus.asks import Sampling
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import PolicyStore

Serving = tuple[ServingSampler, Quiescence]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicyStore:
    """Two versions with different weights, and a third set that is no version."""
    return three(tmp_path_factory.mktemp("policies"))


@contextmanager
def vllm(policies: PolicyStore, reload: Reload) -> Generator[Serving]:
    """Serve the first version by a server with vLLM's routes, which reloads in its own way."""
    first = policies.path(0)
    with served(Routes(first, reload).application()) as url:
        asking = Quiescence()
        sampler = VllmSampler(Remote(url), "policy", first, 0, quiescence=asking, tolerance=EXACT)
        yield sampler, asking


@contextmanager
def here(policies: PolicyStore, reload: Reload) -> Generator[Serving]:
    class Loading(TransformersSampler):
        """Loads what `reload` leaves to load."""

        def propose(self, version: int, path: Path) -> None:
            wrong = reload is not as_told
            super().propose(version, policies.path(2) if wrong else path)

    quiescence = Quiescence()
    yield Loading(policies.path(0), 0, quiescence), quiescence


ENGINES = {"transformers": here, "vllm": vllm}
every_engine = pytest.mark.parametrize("engine", ENGINES)


def weighed(sampler: ServingSampler, quiescence: Quiescence) -> tuple[float, ...]:
    """Return what the weights that serve give to the probe."""

    async def ask() -> tuple[float, ...]:
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            [said] = await sampler.sample([Request(PROMPT, 0, Sampling(), TOKENS)])
            pump.cancel()
        return said.logprobs

    return asyncio.run(ask())


@every_engine
def test_what_the_trainer_meant_serves(engine: str, policies: PolicyStore):
    with ENGINES[engine](policies, as_told) as (sampler, _):
        synced = sync(sampler, announced(policies, 1), policies)
        assert (synced.ok, sampler.version) == (True, 1)


@every_engine
def test_a_corrupted_sync_is_refused_and_the_old_version_serves(engine: str, policies: PolicyStore):
    def corrupting(held: Held, path: Path) -> None:
        as_told(held, policies.path(2) if path == policies.path(1) else path)

    with ENGINES[engine](policies, corrupting) as (sampler, quiescence):
        before = weighed(sampler, quiescence)
        synced = sync(sampler, announced(policies, 1), policies)
        assert not synced.ok
        assert "differ from the trainer's by" in synced.reason
        assert sampler.version == 0
        assert weighed(sampler, quiescence) == pytest.approx(before, abs=1e-5)


def test_a_server_that_says_yes_and_does_nothing_is_refused(policies: PolicyStore):
    with vllm(policies, lambda _, __: None) as (sampler, _):
        assert not sync(sampler, announced(policies, 1), policies).ok


def test_a_server_that_cannot_go_back_to_the_old_version_is_not_trusted(policies: PolicyStore):
    went = list[Path]()

    def stuck(held: Held, path: Path) -> None:
        went.append(path)
        as_told(held, policies.path(2) if len(went) > 1 else path)

    with (
        vllm(policies, stuck) as (sampler, _),
        pytest.raises(EndpointError, match="was to serve version 0 again"),
    ):
        sync(sampler, announced(policies, 1), policies)
