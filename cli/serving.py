"""Serving: a sampler over a policy that somebody named."""

from collections.abc import Iterable
from pathlib import Path

from simctl.agents.policy.transformers import TransformersSampler
from simctl.bus.quiescence import Quiescence
from simctl.cli.policies import PolicyError


def serve(
    path: Path,
    version: int,
    quiescence: Quiescence,
    max_batch: int,
    separate: Iterable[str] = (),
) -> TransformersSampler:
    """Return a sampler that serves the policy in `path`, and the copies that `separate` roles have.

    Raises:
        PolicyError: transformers cannot load it, or no answer of it would end.
    """
    try:
        return TransformersSampler(path, version, quiescence, max_batch, separate)
    except ValueError as error:
        raise PolicyError(f"policy {error}") from error
