"""Sync: a new policy version serves only after it has been shown to be what the trainer meant."""

from collections.abc import Sequence

from simctl.agents.policy.sampler import Syncable
from simctl.bus.messages import (
    PolicySynced,
    PolicyUpdated,
    Probe,
)
from simctl.store.policies import PolicyError, PolicyStore


def sync(sampler: Syncable, update: PolicyUpdated, policies: PolicyStore) -> PolicySynced:
    """Load `update` into the sampler if its file and its log-probabilities are as announced.

    Each copy that a role has is probed as well. Otherwise the version before keeps serving, with
    its copies, and the message says why.
    """
    try:
        policies.verify(update.version, update.sha256)
        sampler.propose(update.version, policies.path(update.version))
        bound = sampler.tolerance
        probed = [(None, update.probes), *update.copies.items()]
        deltas = {role: _delta(sampler, probes, role) for role, probes in probed}
    except (PolicyError, OSError, ValueError) as error:
        sampler.reject()
        return _synced(update, ok=False, reason=str(error))
    # a delta that is not a number is worse than any
    worst = max(deltas, key=lambda role: (not deltas[role] <= bound, deltas[role]))
    delta = deltas[worst]
    if not delta <= bound:
        whose = f" of the {worst}'s copy" if worst else ""
        differ = f"differ from the trainer's by {delta:.3g} (bound {bound})"
        reason = f"log-probabilities{whose} {differ}"
        sampler.reject()
        return _synced(update, ok=False, delta=delta, reason=reason)
    sampler.accept()
    return _synced(update, ok=True, delta=delta)


def _delta(sampler: Syncable, probes: Sequence[Probe], role: str | None) -> float:
    """Return the largest difference, in nats, over the probes of one set of weights."""
    return max(
        (
            abs(ours - theirs)
            for probe in probes
            for ours, theirs in zip(
                sampler.score(probe.prompt, probe.tokens, role), probe.logprobs, strict=True
            )
        ),
        default=0.0,
    )


def _synced(
    update: PolicyUpdated, *, ok: bool, delta: float | None = None, reason: str = ""
) -> PolicySynced:
    return PolicySynced(
        version=update.version, sampler="sampler", ok=ok, delta=delta, reason=reason
    )
