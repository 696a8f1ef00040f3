"""What is peculiar to vLLM itself: its dice, and how it takes weights."""

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from asking import Make, answer, request
from family import descendants, title
from transformers import AutoModelForCausalLM
from vllm_real import REAL, Begun, needs_vllm, over
from vllm_server import policy

from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.sampler import Completion
from simctl.agents.policy.sync import sync
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import Launch
from simctl.agents.policy.vllm.server import Remote
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.messages import PolicyUpdated, Probe
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import PolicyState, PolicyStore
from simctl.trainer.adapter import Adapter
from simctl.trainer.settings import LoraSettings

pytestmark = needs_vllm
PROMPT, TOKENS = "@7k+5l*3>", "k+5=2l*3=6\n"


@pytest.fixture(scope="module")
def policies(heads_of_32: Path, tmp_path_factory: pytest.TempPathFactory) -> PolicyStore:
    """A first version, another set of weights as the second, and the first with an adapter."""
    place = tmp_path_factory.mktemp("policies")
    store = PolicyStore(place / "store")
    store.adopt(heads_of_32)
    store.commit(1, lambda target: _copied(policy(place / "second", 1), target), state(1))
    store.commit(2, lambda target: _adapted(store.path(0), target), state(2))
    return store


def state(version: int) -> PolicyState:
    return PolicyState(version=version, parent=0)


def _copied(made: Path, target: Path) -> None:
    shutil.copytree(made, target, dirs_exist_ok=True)


def _adapted(base: Path, target: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    adapter = Adapter(model, LoraSettings(r=4, lora_alpha=8), 0)
    made = torch.Generator().manual_seed(3)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.copy_(0.1 * torch.randn(weight.shape, generator=made))
    model.save_pretrained(target, state_dict=adapter.whole())
    adapter.save(target / "adapter", adapter.weights())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, target)


def update(policies: PolicyStore, version: int) -> PolicyUpdated:
    """Announce a version with what its weights give to the probe."""
    vocabulary = Vocabulary(policies.path(0))
    prompt, tokens = vocabulary.encode(PROMPT), vocabulary.encode(TOKENS)
    logprobs = weighed(policies.path(version), prompt, tokens)
    probe = Probe(prompt=prompt, tokens=tokens, logprobs=logprobs)
    sha256 = policies.sha256(version)
    return PolicyUpdated(version=version, parent=0, sha256=sha256, metrics={}, probes=(probe,))


def weighed(path: Path, prompt: Sequence[int], tokens: Sequence[int]) -> tuple[float, ...]:
    """Return what transformers gives to tokens."""
    trainer = TransformersSampler(path, 0, Quiescence())
    trainer.propose(1, path)
    return tuple(trainer.score(prompt, tokens))


class Foreign(Begun):
    """A server that somebody else began."""

    own = False


class Lying(Begun):
    """A server of our own whose reload is that of vLLM as it is: it says yes, and half of it."""

    def reload(self, path: Path) -> None:
        Remote(self._server.url).reload(path)


@pytest.fixture
def make(vllm_server: Child, policies: PolicyStore) -> Make:
    return over(Begun(vllm_server, policies.path(0)), policies.path(0))


def test_a_hotter_answer_has_the_logprobs_of_what_it_was_drawn_from(
    make: Make, policies: PolicyStore
):
    [said] = answer(make, [request(PROMPT, 3, 2.0)])
    model = AutoModelForCausalLM.from_pretrained(policies.path(0), dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([[*said.prompt_tokens, *said.tokens]])).logits[0]
    spread = torch.log_softmax(logits[len(said.prompt_tokens) - 1 : -1] / 2.0, -1)
    ours = spread.gather(1, torch.tensor(said.tokens)[:, None])[:, 0].tolist()
    assert said.logprobs == pytest.approx(ours, abs=1e-5)


def test_a_key_gives_the_same_answer_again(make: Make):
    first, second, other = answer(make, [request(PROMPT, key) for key in (5, 5, 6)])
    assert first.tokens == second.tokens != other.tokens


def test_what_the_trainer_meant_serves_after_a_reload(make: Make, policies: PolicyStore):
    sampler = make(Quiescence())
    synced = sync(sampler, update(policies, 1), policies)
    assert (synced.ok, synced.how, sampler.version) == (True, "reload", 1)


def test_a_reload_that_lies_is_refused_and_the_old_version_serves(
    vllm_server: Child, policies: PolicyStore, make: Make
):
    """Vllm packs a tied last layer anew only when it begins, and the head stays what it was."""
    make(Quiescence())
    sampler = over(Remote(vllm_server.url), policies.path(0))(Quiescence())
    before = sampler.score((1, 2), (3, 4))
    synced = sync(sampler, update(policies, 1), policies)
    assert not synced.ok
    assert "differ from the trainer's by" in synced.reason
    assert sampler.version == 0
    assert sampler.score((1, 2), (3, 4)) == pytest.approx(before, abs=1e-5)


def test_an_adapter_serves_beside_the_weights_that_it_belongs_to(
    vllm_server: Child, policies: PolicyStore
):
    sampler = over(Begun(vllm_server, policies.path(0)), policies.path(0), adapters=True)(
        Quiescence()
    )
    synced = sync(sampler, update(policies, 2), policies)
    assert (synced.ok, synced.how, sampler.version) == (True, "adapter", 2)


def test_an_adapter_that_is_not_what_the_trainer_meant_is_refused(
    vllm_server: Child, policies: PolicyStore
):
    sampler = over(Foreign(vllm_server, policies.path(0)), policies.path(0), adapters=True)(
        Quiescence()
    )
    before = sampler.score((1, 2), (3, 4))
    other = update(policies, 2).model_copy(update={"probes": update(policies, 1).probes})
    assert not sync(sampler, other, policies).ok
    assert sampler.version == 0
    assert sampler.score((1, 2), (3, 4)) == pytest.approx(before, abs=1e-5)


def test_a_server_of_our_own_begins_anew_where_a_reload_lies(
    vllm_server: Child, policies: PolicyStore
):
    sampler = over(Lying(vllm_server, policies.path(0)), policies.path(0))(Quiescence())
    synced = sync(sampler, update(policies, 1), policies)
    assert (synced.ok, sampler.version) == (True, 1)
    assert synced.how.startswith("reload (log-probabilities differ")
    assert synced.how.endswith("), restart")


def test_a_server_that_was_not_begun_to_sleep_says_so(vllm_server: Child):
    """Asked for it, vLLM says yes, keeps its memory, and answers nothing until it is woken."""
    assert not Remote(vllm_server.url).can_sleep()


def test_vllm_does_not_begin_to_sleep_on_a_cpu(heads_of_32: Path, tmp_path: Path):
    """The run says so before it begins a server; this is what vLLM says."""
    launch = Launch(REAL, dict(os.environ), device="cpu", sleeps=True)
    child = Child(launch, tmp_path, lambda _: None)
    with pytest.raises(EndpointError, match="Sleep mode is not supported on current platform"):
        child.begin(heads_of_32)


def test_a_server_that_was_killed_begins_again_and_answers(make: Make):
    """Vllm is three processes: without the last of them it cannot answer."""

    async def ask_twice() -> tuple[Completion, Completion]:
        quiescence, asked = Quiescence(), [request(PROMPT, 0, 0.0)]
        sampler = make(quiescence)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            [before] = await sampler.sample(asked)
            [worker] = [pid for pid in descendants(os.getpid()) if "VLLM::Worker" in title(pid)]
            os.kill(worker, signal.SIGKILL)
            [after] = await sampler.sample(asked)
            pump.cancel()
        return before, after

    before, after = asyncio.run(ask_twice())
    assert after.tokens == before.tokens
