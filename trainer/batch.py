"""Batches: what the objectives made of a round. Pure, and the same digest for the same batch."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simctl.bus.asks import Role
from simctl.bus.messages import (
    BatchBuilt,
    SampleDropped,
)
from simctl.bus.values import canonical
from simctl.trainer.objective import Objective
from simctl.trainer.sample import Dropped, Sample
from simctl.trainer.trajectory import Group, Trajectory

STALE = "stale"  # the reason for dropping what too old a version said


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of a round in the order of the objectives, and what was left out."""

    samples: tuple[Sample, ...]
    dropped: tuple[SampleDropped, ...]

    @property
    def stale(self) -> int:
        """How many answers were dropped because too old a version had said them."""
        return sum(len(each.sources) for each in self.dropped if each.reason == STALE)

    def announce(self, version: int) -> BatchBuilt:
        """Return the message that says which events `version` learns from."""
        sources = {sample.source for sample in self.samples}
        lessons = {s.teacher_source for s in self.samples if s.teacher_source is not None}
        return BatchBuilt(
            version=version,
            sources=tuple(sorted(sources | lessons)),
            samples=len(self.samples),
            tokens=sum(sample.trained for sample in self.samples),
            digest=digest(self.samples),
            teacher_tokens=sum(len(s.tokens) for s in self.samples if s.teacher_prompt),
        )


def build(groups: Sequence[Group], objectives: Sequence[Objective], oldest: int = 0) -> Batch:
    """Let every objective take its samples from the groups.

    What a version before `oldest` said is dropped as stale before anybody sees it.
    """
    samples: list[Sample] = []
    dropped: dict[tuple[Role, str], list[int]] = defaultdict(list)
    for told in (each for group in groups for each in group.trajectories):
        if _is_stale(told, oldest):
            dropped[told.role, STALE].append(told.source)
    fresh = [_fresh(group, oldest) for group in groups] if dropped else groups
    fresh = [group for group in fresh if group.trajectories]
    for objective in objectives:
        name = _name(objective)
        for each in objective.samples(fresh):
            if isinstance(each, Dropped):
                dropped[each.role, f"{name}: {each.reason}"].extend(each.sources)
            else:
                samples.append(each)
    return Batch(
        samples=tuple(samples),
        dropped=tuple(
            SampleDropped(role=role, reason=reason, sources=tuple(sorted(set(sources))))
            for (role, reason), sources in dropped.items()
        ),
    )


def _is_stale(told: Trajectory, oldest: int) -> bool:
    return told.policy_version is not None and told.policy_version < oldest


def _fresh(group: Group, oldest: int) -> Group:
    """Return a group without what is stale."""
    kept = tuple(each for each in group.trajectories if not _is_stale(each, oldest))
    return Group(group.role, group.kind, kept)


def digest(samples: Iterable[Sample]) -> str:
    """Return the sha256 of the samples in their order."""
    total = hashlib.sha256()
    for sample in samples:
        total.update(canonical(sample).encode() + b"\n")
    return total.hexdigest()


def _name(objective: Objective) -> str:
    kind: str = type(objective).model_fields["kind"].default
    return kind
