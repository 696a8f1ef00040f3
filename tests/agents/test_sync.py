from pathlib import Path

import pytest
from versions import announced

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sync import sync
from simctl.agents.policy.transformers import EXACT, TransformersSampler
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import PolicyState, PolicyStore


@pytest.fixture
def policies(tmp_path: Path) -> PolicyStore:
    """Two versions with the same weights."""
    store = PolicyStore(tmp_path)
    store.adopt(PATH)

    def copy(target: Path) -> None:
        for file in PATH.iterdir():
            if file.suffix in {".json", ".safetensors"}:
                (target / file.name).write_bytes(file.read_bytes())

    store.commit(1, copy, PolicyState(version=1, parent=0, event_offset=9, pseq=3))
    return store


@pytest.fixture
def sampler(policies: PolicyStore) -> TransformersSampler:
    return TransformersSampler(policies.path(0), 0, Quiescence())


def test_a_version_serves_once_its_hash_and_its_logprobs_are_as_announced(
    policies: PolicyStore, sampler: TransformersSampler
):
    synced = sync(sampler, announced(policies, 1), policies)
    assert (synced.ok, synced.delta, sampler.version) == (True, 0.0, 1)


def test_a_version_that_gives_other_logprobs_is_refused(
    policies: PolicyStore, sampler: TransformersSampler
):
    synced = sync(sampler, announced(policies, 1, off=2 * EXACT), policies)
    assert not synced.ok
    assert synced.delta == pytest.approx(2 * EXACT, rel=0.1)
    assert sampler.version == 0


def test_a_version_whose_bytes_changed_is_refused(
    policies: PolicyStore, sampler: TransformersSampler
):
    update = announced(policies, 1)
    weights = policies.path(1) / "model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-100] ^= 0xFF
    weights.write_bytes(bytes(damaged))
    synced = sync(sampler, update, policies)
    assert not synced.ok
    assert "sha256" in synced.reason
    assert sampler.version == 0


def test_a_version_whose_weights_are_gone_is_refused(
    policies: PolicyStore, sampler: TransformersSampler
):
    update = announced(policies, 1)
    (policies.path(1) / "model.safetensors").unlink()
    assert not sync(sampler, update, policies).ok
    assert sampler.version == 0
