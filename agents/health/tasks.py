"""What the tasks of a round were like: those that a role made, for what is drawn is as it is."""

import re
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from simctl.agents.health.archive import Archive, clusters, runs, shingles
from simctl.bus.answers import TaskPosed
from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.bus.messages import TaskChecked

_TOLD = frozenset({"task_posed", "task_checked"})
_SIGN = re.compile(r"[^A-Za-z0-9 ]")


class Made(NamedTuple):
    """A problem that a role posed, the task that it extends, and the verdict on it."""

    problem: str
    parent: int | None
    checked: TaskChecked


def made(events: Iterable[Event]) -> list[Made]:
    """Return the problems that roles posed and gates judged, in order."""
    posed: dict[int, TaskPosed] = {}
    found = []
    for event in (each for each in events if each.kind in _TOLD):
        match event.message:
            case TaskPosed() as task if event.sender in ROLES:
                posed[event.seq] = task
            case TaskChecked(task=of) as checked if of in posed:
                task = posed.pop(of)
                found.append(Made(task.problem, task.parent_task, checked))
            case _:
                pass
    return found


def describe(tasks: Sequence[Made]) -> dict[str, float]:
    """Return how many there are, what the gates say, and the structure of the valid ones.

    `tasks/length` is in characters, `tasks/operators` counts those that are no letter, digit or
    blank; `tasks/distinct` is the share of the shingles that are said for the first time
    (distinct-n, Li et al. 1510.03055).
    """
    if not tasks:
        return {}
    metrics = {
        "tasks/count": float(len(tasks)),
        "tasks/valid": fmean(each.checked.valid for each in tasks),
    }
    for gate in sorted({gate for each in tasks for gate in each.checked.gates}):
        metrics[f"gates/{gate}"] = fmean(each.checked.gates.get(gate, False) for each in tasks)
    valid = [each for each in tasks if each.checked.valid]
    if valid:
        said = [each.problem for each in valid]
        distinct = [runs(each.problem) for each in valid]
        metrics |= {
            "tasks/length": fmean(map(len, said)),
            "tasks/operators": fmean(len(_SIGN.findall(each)) for each in said),
            "tasks/difficulty": fmean(each.checked.difficulty for each in valid),
            "tasks/degenerate": fmean(each.checked.degenerate for each in valid),
            "tasks/distinct": len(frozenset().union(*distinct)) / sum(map(len, distinct)),
        }
    return metrics


def difficulty(events: Iterable[Event]) -> dict[str, float]:
    """Return the mean difficulty of the tasks in play, drawn ones too."""
    checks = (each.message for each in events if each.kind == "task_checked")
    found = [each.difficulty for each in checks if isinstance(each, TaskChecked) and each.valid]
    return {"difficulty": fmean(found)} if found else {}


def repeated(tasks: Sequence[Made], archive: Archive, near: float) -> dict[str, float]:
    """Return the shares of tasks that are like earlier ones: of other rounds, and of this one."""
    if not tasks:
        return {}
    said = [shingles(each.problem) for each in tasks]
    pairs = zip(said, tasks, strict=True)
    alike = [archive.nearest(text, task.parent) for text, task in pairs]
    largest = clusters(said, near)[0]
    return {
        "duplicates/archive": fmean(each > 0 for each in alike),
        "duplicates/exact": fmean(each == 1 for each in alike),
        "duplicates/cluster": largest / len(said) if largest > 1 else 0.0,
    }


def keep(tasks: Iterable[Made], archive: Archive) -> None:
    """Let the archive remember the tasks."""
    for each in tasks:
        archive.add(each.checked.task, shingles(each.problem))
