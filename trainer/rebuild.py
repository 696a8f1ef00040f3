"""Rebuilding: a version is learnt again from the nearest one that still has its optimiser's state.

The log announced what the weights must be, so whatever comes out otherwise is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from simctl.bus.errors import SimctlError
from simctl.bus.messages import PolicyUpdated
from simctl.store.origins import Origin, origins
from simctl.store.policies import PolicyStore
from simctl.store.said import Source, said
from simctl.trainer import checkpoint
from simctl.trainer.checkpoint import Gather
from simctl.trainer.learners import Learners
from simctl.trainer.retrain import announced, retrain
from simctl.trainer.settings import Training
from simctl.trainer.trainer import HEARD


class WeightsDifferError(SimctlError):
    """A version came out with other weights than the log announced."""


def make_resumable(
    policies: PolicyStore, version: int, log: Source, gather: Gather = Learners
) -> None:
    """See to it that a trainer can go on from `version`, whatever it takes.

    Raises:
        WeightsDifferError: it cannot be made again here.
    """
    if checkpoint.is_resumable(policies, version):
        return
    with TemporaryDirectory() as place:
        rebuilt = rebuild(policies, version, log, Path(place), gather=gather)
        policies.equip(version, rebuilt.path(version))


def rebuild(  # noqa: PLR0913 - what is there, what is wanted, and by whom
    policies: PolicyStore,
    version: int,
    log: Source,
    place: Path,
    since: int | None = None,
    *,
    gather: Gather = Learners,
) -> PolicyStore:
    """Return a store in `place` in which a trainer can go on from `version`.

    It has every version from `since` (default: `version`) to there.

    Raises:
        WeightsDifferError: the weights of one are not those that the log announced.
    """
    since = version if since is None else since
    usable = (v for v in policies.versions() if checkpoint.is_resumable(policies, v))
    nearest = max(v for v in usable if v <= since)
    made = PolicyStore(place)
    made.adopt(policies.path(0))
    if nearest:
        made.bring(policies, nearest)
    wanted = {v: policies.sha256(v) for v in policies.versions()} | announced(log)
    for update in _learn(made, log, gather) if nearest < version else ():
        if update.sha256 != wanted.get(update.version):
            raise WeightsDifferError(
                f"policy v{update.version} was learnt again from the log and has weights "
                f"{update.sha256[:12]}..., not {wanted.get(update.version, 'none')[:12]}... as "
                "announced. Weights come out equal on one kind of machine only"
            )
        if update.version == version:
            break
    if made.latest() != version:
        raise WeightsDifferError(
            f"policy v{version} cannot be learnt again: the log's rounds lead to v{made.latest()}"
        )
    return made


def _learn(made: PolicyStore, log: Source, gather: Gather) -> Iterator[PolicyUpdated]:
    """Give the update of every version after the last, each by the recipe of its time."""
    for era, until in _eras(log):
        training = Training.parse(era.recipe)
        after = made.state(made.latest()).event_offset
        # what was played under a recipe ahead of its trainer was learnt from under the next
        last = None if until is None else max(announced(log, until), default=0)
        if training.objective and (last is None or last > made.latest()):
            heard = said(log, HEARD, after, until)
            for update in retrain(heard, training, made.path(0), made.root, gather):
                yield update
                if update.version == last:
                    break


def _eras(log: Source) -> Iterator[tuple[Origin, int | None]]:
    """Give every recipe of a log with the seq up to which it was in force."""
    known = origins(log)
    yield from zip(known, [*(each.seq for each in known[1:]), None], strict=True)
