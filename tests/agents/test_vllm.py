"""What every engine promises, kept by vLLM itself, and what is peculiar to how it takes weights.

One server serves the whole file: it takes long to begin.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
import torch
from asking import Make, answer, request
from family import descendants, title
from transformers import AutoModelForCausalLM
from vllm_real import REAL, needs_vllm
from vllm_server import policy

from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.sync import sync
from simctl.agents.policy.transformers import EXACT, TransformersSampler
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import MODEL, Launch
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Remote, Server
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling
from simctl.bus.messages import PolicyUpdated, Probe
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import PolicyState, PolicyStore
from simctl.trainer.adapter import Adapter
from simctl.trainer.settings import LoraSettings

pytestmark = needs_vllm
PROMPTS = ("@7k+5l*3m-4>", "@2a+1>", "#>")
PROMPT, TOKENS = "@7k+5l*3>", "k+5=2l*3=6\n"


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicyStore:
    """A first version, another set of weights as the second, and the first with an adapter."""
    place = tmp_path_factory.mktemp("policies")
    store = PolicyStore(place / "store")
    store.adopt(policy(place / "first"))
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
    adapter.save(target / "adapter")
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


@pytest.fixture(scope="module")
def server(policies: PolicyStore, tmp_path_factory: pytest.TempPathFactory) -> Generator[Child]:
    """A server of vLLM that holds the first version; whoever lets it hold another begins anew."""
    launch = Launch(REAL, dict(os.environ), device="cpu", rank=4)
    child = Child(launch, tmp_path_factory.mktemp("vllm"), lambda _: None)
    child.begin(policies.path(0))
    yield child
    child.close()


def weighed(path: Path, prompt: Sequence[int], tokens: Sequence[int]) -> tuple[float, ...]:
    """Return what transformers gives to tokens."""
    trainer = TransformersSampler(path, 0, Quiescence())
    trainer.propose(1, path)
    return tuple(trainer.score(prompt, tokens))


class Begun:
    """A server that holds already what it is to begin with."""

    own = True

    def __init__(self, server: Child, first: Path) -> None:
        self._first = first
        self._server = server
        self.adapt, self.drop, self.post = server.adapt, server.drop, server.post

    def begin(self, path: Path) -> None:
        if path == self._first:
            self._server.reload(path)
        else:
            self._server.begin(path)

    def reload(self, path: Path) -> None:
        self._server.reload(path)

    def close(self) -> None:
        """Leave it to the others."""


class Foreign(Begun):
    """A server that somebody else began."""

    own = False


class Lying(Begun):
    """A server of our own whose reload is that of vLLM as it is: it says yes, and half of it."""

    def reload(self, path: Path) -> None:
        Remote(self._server.url).reload(path)


def over(server: Server, policies: PolicyStore, *, adapters: bool = False) -> Make:
    path = policies.path(0)
    base = path if adapters else None

    def make(quiescence: Quiescence) -> VllmSampler:
        return VllmSampler(
            server, MODEL, path, 0, quiescence=quiescence, tolerance=EXACT, base=base
        )

    return make


@pytest.fixture
def make(server: Child, policies: PolicyStore) -> Make:
    return over(Begun(server, policies.path(0)), policies)


def test_every_request_is_answered_in_order_by_token_ids_with_logprobs(
    make: Make, policies: PolicyStore
):
    requests = [request(PROMPTS[at % 3], at, heat) for at, heat in enumerate((0.0, 1.0, 0.7) * 8)]
    vocabulary = Vocabulary(policies.path(0))
    said = answer(make, requests)
    for wanted, each in zip(requests, said, strict=True):
        assert each.prompt_tokens == vocabulary.encode(wanted.prompt)
        assert len(each.tokens) == len(each.logprobs) > 0
        assert vocabulary.read(each.tokens) == (each.text, each.truncated)
    assert {each.truncated for each in said} == {True, False}  # some end, by the end of the policy


def test_what_it_says_has_the_logprobs_that_transformers_gives_it(
    make: Make, policies: PolicyStore
):
    for said in answer(make, [request(PROMPTS[0], at) for at in range(4)]):
        ours = weighed(policies.path(0), said.prompt_tokens, said.tokens)
        assert said.logprobs == pytest.approx(ours, abs=1e-5)


def test_what_is_likeliest_is_the_same_as_with_transformers(make: Make, policies: PolicyStore):
    [ours] = answer(
        lambda quiescence: TransformersSampler(policies.path(0), 0, quiescence),
        [request(PROMPTS[0], 0, 0.0)],
    )
    [theirs] = answer(make, [request(PROMPTS[0], 0, 0.0)])
    assert theirs.tokens == ours.tokens


def test_a_hotter_answer_has_the_logprobs_of_what_it_was_drawn_from(
    make: Make, policies: PolicyStore
):
    [said] = answer(make, [request(PROMPTS[0], 3, 2.0)])
    model = AutoModelForCausalLM.from_pretrained(policies.path(0), dtype=torch.float32)
    with torch.no_grad():
        logits = model(torch.tensor([[*said.prompt_tokens, *said.tokens]])).logits[0]
    spread = torch.log_softmax(logits[len(said.prompt_tokens) - 1 : -1] / 2.0, -1)
    ours = spread.gather(1, torch.tensor(said.tokens)[:, None])[:, 0].tolist()
    assert said.logprobs == pytest.approx(ours, abs=1e-5)


def test_a_key_gives_the_same_answer_again(make: Make):
    first, second, other = answer(make, [request(PROMPTS[0], key) for key in (5, 5, 6)])
    assert first.tokens == second.tokens != other.tokens


def test_a_given_answer_is_weighed_token_by_token(make: Make, policies: PolicyStore):
    [said] = answer(make, [Request(PROMPT, 0, Sampling(), TOKENS)])
    ours = weighed(policies.path(0), said.prompt_tokens, said.tokens)
    assert said.logprobs == pytest.approx(ours, abs=1e-5)


def test_an_answer_that_is_cut_off_says_so(make: Make):
    [said] = answer(make, [request(PROMPTS[0], 7, length=2)])
    assert (len(said.tokens), said.truncated) == (2, True)


def test_what_the_trainer_meant_serves_after_a_reload(make: Make, policies: PolicyStore):
    sampler = make(Quiescence())
    synced = sync(sampler, update(policies, 1), policies)
    assert (synced.ok, synced.how, sampler.version) == (True, "reload", 1)


def test_a_reload_that_lies_is_refused_and_the_old_version_serves(
    server: Child, policies: PolicyStore, make: Make
):
    """Vllm packs a tied last layer anew only when it begins, and the head stays what it was."""
    make(Quiescence())
    sampler = over(Remote(server.url), policies)(Quiescence())
    before = sampler.score((1, 2), (3, 4))
    synced = sync(sampler, update(policies, 1), policies)
    assert not synced.ok
    assert "differ from the trainer's by" in synced.reason
    assert sampler.version == 0
    assert sampler.score((1, 2), (3, 4)) == pytest.approx(before, abs=1e-5)


def test_an_adapter_serves_beside_the_weights_that_it_belongs_to(
    server: Child, policies: PolicyStore
):
    sampler = over(Begun(server, policies.path(0)), policies, adapters=True)(Quiescence())
    synced = sync(sampler, update(policies, 2), policies)
    assert (synced.ok, synced.how, sampler.version) == (True, "adapter", 2)


def test_an_adapter_that_is_not_what_the_trainer_meant_is_refused(
    server: Child, policies: PolicyStore
):
    sampler = over(Foreign(server, policies.path(0)), policies, adapters=True)(Quiescence())
    before = sampler.score((1, 2), (3, 4))
    other = update(policies, 2).model_copy(update={"probes": update(policies, 1).probes})
    assert not sync(sampler, other, policies).ok
    assert sampler.version == 0
    assert sampler.score((1, 2), (3, 4)) == pytest.approx(before, abs=1e-5)


def test_a_server_of_our_own_begins_anew_where_a_reload_lies(server: Child, policies: PolicyStore):
    sampler = over(Lying(server, policies.path(0)), policies)(Quiescence())
    synced = sync(sampler, update(policies, 1), policies)
    assert (synced.ok, sampler.version) == (True, 1)
    assert synced.how.startswith("reload (log-probabilities differ")
    assert synced.how.endswith("), restart")


def test_a_server_that_was_killed_begins_again_and_answers(make: Make):
    """Vllm is three processes: without the last of them it cannot answer."""

    async def ask_twice() -> tuple[Completion, Completion]:
        quiescence, asked = Quiescence(), [request(PROMPTS[0], 0, 0.0)]
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
