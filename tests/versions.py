"""Versions of the embedded policy with weights of their own, and what a trainer says of them."""

from pathlib import Path

from vllm_routes import moved

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.transformers import TransformersSampler
from simctl.bus.messages import PolicyUpdated, Probe
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import PolicyState, PolicyStore

PROMPT, TOKENS = "@7k+5l*3>", "k+5=2l*3=6\n"  # of the probe


def three(root: Path) -> PolicyStore:
    """Commit the embedded policy and two versions with other weights."""
    store = PolicyStore(root)
    store.adopt(PATH)
    for version in (1, 2):
        state = PolicyState(version=version, parent=version - 1)
        store.commit(version, lambda target, v=version: moved(PATH, target, v), state)
    return store


def announced(policies: PolicyStore, version: int, off: float = 0.0) -> PolicyUpdated:
    """Announce a version with what its weights give to the probe, or so many nats off."""
    trainer = TransformersSampler(policies.path(version), version, Quiescence())
    prompt, tokens = trainer.encode(PROMPT), trainer.encode(TOKENS)
    trainer.propose(version, policies.path(version))
    logprobs = tuple(each + off for each in trainer.score(prompt, tokens))
    return PolicyUpdated(
        version=version,
        parent=version - 1,
        sha256=policies.sha256(version),
        metrics={},
        probes=(Probe(prompt=prompt, tokens=tokens, logprobs=logprobs),),
    )
