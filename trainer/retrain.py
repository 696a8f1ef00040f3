"""Retraining: new weights from old experience, without sampling anything."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from simctl.bus.event import Draft, Event
from simctl.bus.messages import PolicyUpdated
from simctl.store.policies import PolicyStore
from simctl.store.said import Source, said
from simctl.trainer.checkpoint import Gather
from simctl.trainer.learners import Learners
from simctl.trainer.settings import Training
from simctl.trainer.trainer import Trainer
from simctl.trainer.trajectory import Heard


def retrain(
    events: Iterable[Heard],
    training: Training,
    base_policy: Path,
    out: Path,
    gather: Gather = Learners,
) -> Iterator[PolicyUpdated]:
    """Give the update of every round in `events`, keeping the versions in `out`.

    With the settings of the run that wrote the events, the hashes are those that it announced.
    """
    policies = PolicyStore(out)
    policies.adopt(base_policy)
    yield from Trainer(training, policies, _say_nothing, gather=gather).hear(events)


def announced(log: Source, until: int | None = None) -> dict[int, str]:
    """Return the hash of every version that a log announces, up to event `until`."""
    updates = (each.message for each in said(log, {"policy_updated"}, 0, until))
    return {each.version: each.sha256 for each in updates if isinstance(each, PolicyUpdated)}


def _say_nothing(_: Sequence[Draft]) -> Sequence[Event]:
    return ()
