"""Sync: a new policy version serves only after it has been shown to be what the trainer meant."""

from simctl.agents.policy.sampler import Syncable
from simctl.bus.messages import (
    PolicySynced,
    PolicyUpdated,
)
from simctl.store.policies import PolicyError, PolicyStore

# full forwards of the same fp32 weights agree to rounding; other weights do not
MAX_DELTA = 1e-4


def sync(sampler: Syncable, update: PolicyUpdated, policies: PolicyStore) -> PolicySynced:
    """Load `update` into the sampler if its file and its log-probabilities are as announced.

    Otherwise the version before keeps serving, and the message says why.
    """
    try:
        policies.verify(update.version, update.sha256)
        sampler.propose(update.version, policies.path(update.version))
    except (PolicyError, OSError, ValueError) as error:
        return _synced(update, ok=False, reason=str(error))
    delta = max(
        (
            abs(ours - theirs)
            for probe in update.probes
            for ours, theirs in zip(
                sampler.score(probe.prompt, probe.tokens), probe.logprobs, strict=True
            )
        ),
        default=0.0,
    )
    if not delta <= MAX_DELTA:
        reason = f"log-probabilities differ from the trainer's by {delta:.3g} (bound {MAX_DELTA})"
        return _synced(update, ok=False, delta=delta, reason=reason)
    sampler.accept()
    return _synced(update, ok=True, delta=delta)


def _synced(
    update: PolicyUpdated, *, ok: bool, delta: float | None = None, reason: str = ""
) -> PolicySynced:
    return PolicySynced(
        version=update.version, sampler="sampler", ok=ok, delta=delta, reason=reason
    )
