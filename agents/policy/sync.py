"""Sync: a new policy version serves only after it has been shown to be what the trainer meant."""

from collections.abc import Sequence

from simctl.agents.policy.sampler import Persists, Syncable
from simctl.bus.messages import (
    PolicySynced,
    PolicyUpdated,
    Probe,
)
from simctl.store.policies import PolicyError, PolicyStore


def sync(sampler: Syncable, update: PolicyUpdated, policies: PolicyStore) -> PolicySynced:
    """Load `update` into the sampler if its file and its log-probabilities are as announced.

    Otherwise the version before keeps serving, with its copies, and the message says why.
    """
    synced = prove(sampler, update, policies)
    settle(sampler, synced)
    return synced


def prove(sampler: Syncable, update: PolicyUpdated, policies: PolicyStore) -> PolicySynced:
    """Load `update` beside what serves, and say whether it is as announced.

    Each copy that a role has is probed as well. A sampler that knows several ways to load goes them
    until one proves itself.
    """
    try:
        policies.verify(update.version, update.sha256)
        sampler.propose(update.version, policies.path(update.version))
        delta, reason = _proved(sampler, update)
        while reason and isinstance(sampler, Persists) and sampler.again(reason):
            delta, reason = _proved(sampler, update)
    except (PolicyError, OSError, ValueError) as error:
        delta, reason = None, str(error)
    return PolicySynced(
        version=update.version,
        sampler="sampler",
        ok=not reason,
        delta=delta,
        reason=reason,
        how=sampler.how if isinstance(sampler, Persists) else "",
    )


def settle(sampler: Syncable, synced: PolicySynced) -> None:
    """Serve what was proved; what was not is forgotten, and what served before serves on."""
    if synced.ok:
        sampler.accept()
    else:
        sampler.reject()


def _proved(sampler: Syncable, update: PolicyUpdated) -> tuple[float, str]:
    """Return the largest difference to the trainer, in nats, and why it is too large, if it is."""
    bound = sampler.tolerance
    probed = [(None, update.probes), *update.copies.items()]
    deltas = {role: _delta(sampler, probes, role) for role, probes in probed}
    # a delta that is not a number is worse than any
    worst = max(deltas, key=lambda role: (not deltas[role] <= bound, deltas[role]))
    delta = deltas[worst]
    if delta <= bound:
        return delta, ""
    whose = f" of the {worst}'s copy" if worst else ""
    differ = f"differ from the trainer's by {delta:.3g} (bound {bound})"
    return delta, f"log-probabilities{whose} {differ}"


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
