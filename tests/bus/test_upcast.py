"""What another version of simctl wrote is read, or kept; it never stops a run and never trains."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import told
from pydantic import ValidationError

from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    RunResumed,
    UnknownMessage,
    kinds,
)
from simctl.bus.upcast import read
from simctl.bus.values import canonical
from simctl.cli.progress import Progress
from simctl.cli.recipe import load
from simctl.cli.state import fold
from simctl.store.duck import DuckLog
from simctl.store.memory_log import ListLog
from simctl.trainer.trajectory import trajectories

Fields = dict[str, Any]


class Later(AttemptMade):
    """An attempt as a later simctl would write it."""

    schema_version: ClassVar[int] = 99
    mood: str


class Sung(RunResumed):
    """A kind that this simctl has never heard of."""

    kind: str = "song_sung"  # type: ignore[assignment]


LATER = Later(task=1, index=0, attempt="k", mood="good")
SUNG = Sung(incarnation=1)


def foreign() -> list[Draft]:
    """A told run that a later simctl went on with."""
    drafts = told.tale(load("society", []))
    said = told.said(3, 4)
    added = [
        Draft("later", 0, 0, LATER, "solver", episode="e1.000", round=1, utterance=said),
        Draft("later", 0, 1, SUNG, "solver", round=1, utterance=said),
    ]
    return [*drafts, *added]


def test_an_older_message_goes_through_every_step_to_today():
    def split(fields: Fields) -> Fields:
        number, text = fields.pop("answer")
        return {**fields, "index": number, "attempt": text}

    def name(fields: Fields) -> Fields:
        task = fields.pop("problem_event")
        return {**fields, "task": task, "kind": "attempt_made"}

    steps = {("attempt_made", -1): split, ("attempt_made", 0): name}
    old = '{"answer":[3,"k+5=2"],"problem_event":2}'
    wanted = AttemptMade(task=2, index=3, attempt="k+5=2")
    assert read("attempt_made", -1, old, steps) == wanted
    half = '{"attempt":"k+5=2","index":3,"problem_event":2}'
    assert read("attempt_made", 0, half, steps) == wanted
    assert read("attempt_made", 1, canonical(wanted), steps) == wanted


def test_what_claims_a_schema_and_is_not_of_it_is_an_error():
    with pytest.raises(ValidationError):
        read("attempt_made", 1, '{"kind":"attempt_made"}')


@pytest.mark.parametrize(("kind", "schema"), [("attempt_made", 99), ("song_sung", 1)])
def test_what_a_later_version_says_keeps_its_text(kind: str, schema: int):
    text = '{"any":"thing"}'
    assert read(kind, schema, text) == UnknownMessage(kind=kind, text=text)


def test_the_log_keeps_its_bytes_and_its_chain(tmp_path: Path):
    with DuckLog(tmp_path / "log.duckdb", run="run-a") as log:
        events = log.submit(foreign()).result()
        kept = list(log.read())
    assert [event.payload for event in kept] == [event.payload for event in events]
    assert [event.hash for event in kept] == [event.hash for event in events]
    later, sung = kept[-2:]
    assert later.message == UnknownMessage(kind="attempt_made", text=canonical(LATER))
    assert sung.message == UnknownMessage(kind="song_sung", text=canonical(SUNG))


def test_nothing_learns_from_it():
    events = _as_read(ListLog().place(foreign()))
    known = [event for event in events if event.producer != "later"]
    assert trajectories(events) == trajectories(known)


def test_folds_and_views_live_with_it(tmp_path: Path):
    with DuckLog(tmp_path / "log.duckdb", run="run-a") as log:
        log.submit(foreign()).result()
        events = list(log.read())
        progress = Progress()
        for event in events:
            progress.hear(event, event.wall_us / 1e6)
        assert fold(events, load("society", [])).seq == len(events)
        for view in [*kinds(), "attempts", "tasks", "lineage", "rounds", "drops", "tokens_by_role"]:
            log.query(f'SELECT * FROM "{view}"')  # noqa: S608 - our own names


def _as_read(events: list[Event]) -> list[Event]:
    """The events without the messages that their writer still knows."""
    for event in events:
        event.__dict__.pop("message", None)
    return events
