"""Origins: by which recipes a log was played, and where it left another run."""

from collections.abc import Iterator
from dataclasses import dataclass

from simctl.bus.messages import (
    RunForked,
    RunStarted,
)
from simctl.store.said import Source, said

_BEGINNINGS = frozenset({"run_started", "run_forked"})


@dataclass(frozen=True)
class Origin:
    """From event `seq` on the recipe is this one; `parent` is the run left there, if one was."""

    seq: int
    recipe: str
    parent: str = ""


def origins(log: Source, until: int | None = None) -> list[Origin]:
    """Return where a run began and was branched off, up to `until`; of an empty log, nothing."""
    return list(_origins(log, until))


def started(log: Source) -> RunStarted | None:
    """Return what a run said as it began, if it has; workers may have joined before."""
    found = (each.message for each in said(log, frozenset({"run_started"})))
    return next((each for each in found if isinstance(each, RunStarted)), None)


def _origins(log: Source, until: int | None) -> Iterator[Origin]:
    for each in said(log, _BEGINNINGS, until=until):
        match each.message:
            case RunStarted(recipe=recipe):
                yield Origin(each.seq, recipe)
            case RunForked(recipe=recipe, parent=parent):
                yield Origin(each.seq, recipe, parent)
            case _:
                pass
