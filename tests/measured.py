"""A told run whose updates have numbers, as a trainer gives them; its policy stays as it is."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import told

from simctl.agents.policy.embedded import SHA256
from simctl.bus.event import Draft
from simctl.bus.messages import AlarmRaised, BatchBuilt, HealthMeasured, PolicyUpdated, RunStarted
from simctl.cli.policies import embedded
from simctl.cli.recipe import dump, load
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyState, PolicyStore

METRICS = {
    "loss": 0.5,
    "grad_norm": 1.25,
    "num_tokens": 100.0,
    "reward/solver/mean": 0.25,
    "reward/solver/std": 0.5,
    "reward/critic/mean": 1.0,
    "frac_reward_zero_std/solver": 0.125,
    "completions/solver/mean_length": 7.5,
    "entropy/solver": 0.75,
}
ALARM = "every attempt is right"
SECOND = 1_000_000


def drafts(*, ended: bool = True) -> list[Draft]:
    """A run of three rounds; an event each second, and an alarm in the second round."""
    counts = {"trainer": 0, "society": 0}
    seqs: dict[int | None, int | None] = {None: None}  # of what is told, when more stands before it
    found: list[Draft] = []
    for place, each in enumerate(told.tale(load("society", ["run.rounds=3"]), ended=ended)):
        seqs[place + 1] = len(found) + 1
        for draft in _measured(_pointing(each, seqs)):
            pseq = draft.pseq
            if draft.producer in counts:
                pseq, counts[draft.producer] = counts[draft.producer], counts[draft.producer] + 1
            found.append(replace(draft, pseq=pseq, wall_us=(1_000 + len(found)) * SECOND))
    return found


def _pointing(draft: Draft, seqs: dict[int | None, int | None]) -> Draft:
    """Return a draft that points to where things are now."""
    fields = {
        name: seqs[getattr(draft.message, name)]
        for name in ("task", "of")
        if hasattr(draft.message, name)
    }
    message = draft.message.model_copy(update=fields)
    return replace(draft, message=message, cause=seqs[draft.cause], task=seqs[draft.task])


def _measured(draft: Draft) -> list[Draft]:
    if isinstance(draft.message, RunStarted):
        begun = draft.message.model_copy(update={"policy_sha256": SHA256})
        return [replace(draft, message=begun)]
    if not isinstance(draft.message, PolicyUpdated):
        return [draft]
    version = draft.message.version
    batch = BatchBuilt(
        version=version, sources=(10,), samples=1, tokens=16, digest="d", teacher_tokens=5
    )
    update = draft.message.model_copy(update={"metrics": METRICS, "sha256": SHA256})
    health = {"reward/solver/mean": 0.25, "tasks/valid": 1.0}
    told_after = [
        replace(draft, producer="society", sender="society", message=message)
        for message in (
            HealthMeasured(metrics=health),
            AlarmRaised(name="solve_rate", value=1.0, bound=0.9, since=version, text=ALARM),
        )
    ]
    return [
        replace(draft, message=batch),
        replace(draft, message=update),
        told_after[0],
        *(told_after[1:] if version == 2 else ()),
    ]


def write(run_dir: Path, keep: Callable[[Draft], bool] = lambda _: True) -> Path:
    """Write such a run, or its beginning as far as drafts are kept."""
    run_dir.mkdir(parents=True)
    recipe = load("society", ["run.rounds=3"])
    (run_dir / "run.toml").write_text(dump(recipe), encoding="utf-8")
    store = PolicyStore(run_dir / "policies")
    store.adopt(embedded())
    for version in (1, 2, 3):
        state = PolicyState(version=version, parent=version - 1, event_offset=END[version])
        store.commit(version, _same, state)
    go_on(run_dir, keep)
    return run_dir


def _same(place: Path) -> None:
    shutil.copytree(embedded(), place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("_*"))


def go_on(run_dir: Path, keep: Callable[[Draft], bool] = lambda _: True) -> None:
    """Append what is kept and not yet there."""
    with DuckLog(run_dir / "log.duckdb", run=run_dir.name) as log:
        wanted: list[Draft] = []
        for each in drafts():
            if not keep(each):
                break
            wanted.append(each)
        asyncio.run(log.append(wanted[log.last_seq :]))


END = {
    each.round: place
    for place, each in enumerate(drafts(), 1)
    if each.message.kind == "round_ended"
}


def before_round(number: int) -> Callable[[Draft], bool]:
    """Keep what is said before a round."""
    return lambda draft: draft.round < number
