"""Serving: the policy as a society has it, measured and replaced while it plays."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from simctl.agents.evaluation import Suite, evaluate
from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form
from simctl.agents.policy.sampler import Rests, ServingSampler
from simctl.agents.policy.sync import prove, settle, sync
from simctl.agents.tasks.environment import Environment
from simctl.bus.messages import (
    PolicyEvaluated,
    PolicySynced,
    PolicyUpdated,
)
from simctl.store.policies import PolicyStore


class Serving(Protocol):
    """What a society needs of the policy that it plays with."""

    @property
    def version(self) -> int:
        """The policy version that serves."""
        ...

    async def measure(self, suite: Suite) -> PolicyEvaluated:
        """Return the scores of the version that serves on a suite."""
        ...

    async def rest(self) -> None:
        """Let go of memory until something is measured or taken, or a role speaks."""
        ...

    async def take(self, update: PolicyUpdated) -> PolicySynced:
        """Serve the new version from now on if it is what was announced, and say whether it is."""
        ...

    async def prove(self, update: PolicyUpdated) -> PolicySynced:
        """Say whether the new version is what was announced; what serves, serves on."""
        ...

    def settle(self, synced: PolicySynced) -> None:
        """Serve what was proved last from the next token on, if it was proved."""
        ...


@dataclass(frozen=True)
class Served:
    """A policy behind a sampler, which takes its new versions from a store."""

    sampler: ServingSampler
    policies: PolicyStore
    environment: Environment
    seed: int
    form: Form = CHARACTERS

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self.sampler.version

    async def measure(self, suite: Suite) -> PolicyEvaluated:
        """Let the sampler solve the problems of a suite."""
        return await evaluate(suite, self.environment, self.sampler, self.seed, self.form)

    async def rest(self) -> None:
        """Let the sampler rest, if it is of those that can."""
        if isinstance(self.sampler, Rests):
            await asyncio.to_thread(self.sampler.rest)

    async def take(self, update: PolicyUpdated) -> PolicySynced:
        """Load the new version, and serve it if its weights are as announced."""
        return await asyncio.to_thread(sync, self.sampler, update, self.policies)

    async def prove(self, update: PolicyUpdated) -> PolicySynced:
        """Load the new version beside the one that serves, and compare it with the trainer's."""
        return await asyncio.to_thread(prove, self.sampler, update, self.policies)

    def settle(self, synced: PolicySynced) -> None:
        """Serve what was proved last, or forget it."""
        settle(self.sampler, synced)
