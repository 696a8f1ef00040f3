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
from simctl.trainer.trajectory import Group


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of a round in the order of the objectives, and what was left out."""

    samples: tuple[Sample, ...]
    dropped: tuple[SampleDropped, ...]

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


def build(groups: Sequence[Group], objectives: Sequence[Objective]) -> Batch:
    """Let every objective take its samples from the groups."""
    samples: list[Sample] = []
    dropped: dict[tuple[Role, str], list[int]] = defaultdict(list)
    for objective in objectives:
        name = _name(objective)
        for each in objective.samples(groups):
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


def digest(samples: Iterable[Sample]) -> str:
    """Return the sha256 of the samples in their order."""
    total = hashlib.sha256()
    for sample in samples:
        total.update(canonical(sample).encode() + b"\n")
    return total.hexdigest()


def _name(objective: Objective) -> str:
    kind: str = type(objective).model_fields["kind"].default
    return kind
