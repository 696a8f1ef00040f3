"""The society at work: what was shown to whom between two events, and the exchanges at a place."""

from collections.abc import Sequence
from typing import Any

from simctl.bus.event import Event
from simctl.cli.cut import Log
from simctl.cli.exchange import Exchange, Saying, retell
from simctl.cli.words import words
from simctl.store.rows import COLUMNS, to_events

_FLOWS = """
SELECT said_by, heard_by, what, count(*) AS count, arg_max(episode, seq) AS episode
FROM flows WHERE seq > {after} AND seq <= {until} GROUP BY ALL ORDER BY ALL
"""
_LAST = """
SELECT episode, round FROM episode_ended WHERE seq <= {until} AND seq > {until} - 20000
AND outcome = 'completed' ORDER BY seq DESC LIMIT {most}
"""
_RECENT, _SHOWN = 8, 3  # episodes that are looked at, and of them the richest that are shown


def flows(log: Log, after: int, until: int) -> list[dict[str, Any]]:
    """Return how often each said what to whom after event `after`, up to `until`."""
    rows: list[dict[str, Any]] = log.query(_FLOWS.format(after=after, until=until)).to_pylist()
    return rows


def exchanges(log: Log, until: int) -> list[dict[str, Any]]:
    """Return what was said about one task in each of the last episodes, the richest ones first."""
    recent = log.query(_LAST.format(until=until, most=_RECENT)).to_pylist()
    if not recent:
        return []
    names = ", ".join(f"'{_quoted(row['episode'])}'" for row in recent)
    first = min(row["round"] for row in recent)
    events = to_events(
        log.query(
            f"SELECT {COLUMNS} FROM events WHERE episode IN ({names}) AND round >= {first} "  # noqa: S608 - literals with their quotes doubled
            f"AND seq <= {until} ORDER BY seq"
        )
    )
    told = [retell(_of(events, row["episode"])) for row in recent]
    richest = sorted(filter(_richness, told), key=_richness, reverse=True)[:_SHOWN]
    return [
        {
            "episode": each.episode,
            "round": each.round,
            "sayings": [_saying(saying) for saying in each.sayings],
        }
        for each in richest
    ]


def _of(events: Sequence[Event], episode: str) -> list[Event]:
    return [event for event in events if event.episode == episode]


def _richness(told: Exchange) -> int:
    return len({each.event.sender for each in told.sayings})


def _saying(saying: Saying) -> dict[str, Any]:
    event, grade = saying.event, saying.grade
    return {
        "seq": event.seq,
        "kind": event.kind,
        "sender": event.sender,
        "text": words(event.message),
        "reward": None if grade is None else grade.reward,
        "first_wrong": None if grade is None else grade.first_wrong,
    }


def _quoted(text: str) -> str:
    return text.replace("'", "''")
