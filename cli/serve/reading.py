"""Reading: the episodes of a round, every message of one, and what led to an event and from it."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from simctl.bus.event import Event
from simctl.cli.cut import Log
from simctl.cli.errors import RunError
from simctl.cli.policies import reader
from simctl.cli.runs import POLICIES
from simctl.cli.words import words
from simctl.store.policies import PolicyStore
from simctl.store.rows import COLUMNS, to_events

_MOST = 500  # episodes of a round, or effects of an event
_LATE = 20  # rounds after which an answer may still be learnt from
_EPISODES = """
SELECT s.episode, s.name, e.outcome, e.detail, p.problem, p.sender AS posed_by, c.difficulty,
    g.attempts, g.solved
FROM (
    SELECT episode, name, seq FROM episode_started WHERE round = {round}
    ORDER BY seq LIMIT {most}
) s
LEFT JOIN (SELECT episode, arg_max(outcome, seq) AS outcome, arg_max(detail, seq) AS detail
    FROM episode_ended WHERE round = {round} GROUP BY episode) e USING (episode)
LEFT JOIN (SELECT episode, arg_min(problem, seq) AS problem, arg_min(sender, seq) AS sender
    FROM task_posed WHERE round = {round} GROUP BY episode) p USING (episode)
LEFT JOIN (SELECT episode, arg_min(difficulty, seq) AS difficulty
    FROM task_checked WHERE round = {round} GROUP BY episode) c USING (episode)
LEFT JOIN (SELECT episode, count(*) AS attempts, count(*) FILTER (reward >= 1) AS solved
    FROM answer_graded WHERE round = {round} AND role = 'solver' GROUP BY episode) g USING (episode)
ORDER BY s.seq
"""
_ROUND_OF = "SELECT max(round) AS round FROM episode_started WHERE episode = '{}'"
_GRADES = """
SELECT of AS seq, reward, first_wrong, to_json(parts) AS parts FROM answer_graded
WHERE round = {round} AND episode = '{episode}'
"""
_TRAINED = """
SELECT b.version, b.seq AS batch, unnest(list_intersect(b.sources, {seqs})) AS seq
FROM batch_built b WHERE b.round = {round}
"""
_DROPPED = """
SELECT d.reason, d.seq AS "drop", unnest(list_intersect(d.sources, {seqs})) AS seq
FROM sample_dropped d WHERE d.round = {round}
"""
_EVENT = f"SELECT {COLUMNS} FROM events WHERE seq = {{}}"  # noqa: S608 - columns of our own
_TRAINED_ON = """
SELECT version, seq AS batch FROM batch_built
WHERE round BETWEEN {round} AND {round} + {late} AND list_contains(sources, {seq}) ORDER BY seq
"""
# as the macros causes and effects, but of a long log they read no more than a round or two
_LED = "SELECT seq, kind, sender, episode, round, led_by(cause, task, payload) AS cause FROM events"
_CAUSE = f"{_LED} WHERE seq = {{}}"
_EFFECTS = f"""
{_LED}
WHERE seq > {{seq}} AND round BETWEEN {{round}} AND {{round}} + 1
    AND led_by(cause, task, payload) IN ({{causes}})
ORDER BY seq LIMIT {{most}}
"""
_NO_TEXT = frozenset({"task", "kind", "sampling", "temperature", "truncated"})


def episodes(log: Log, round_: int) -> list[dict[str, Any]]:
    """Return the episodes of a round: what each was about, and how it ended."""
    rows: list[dict[str, Any]]
    rows = log.query(_EPISODES.format(round=round_, most=_MOST)).to_pylist()
    return rows


def episode(log: Log, path: Path, name: str) -> dict[str, Any]:
    """Return every message of an episode, with its tokens, its grade and what it was trained in.

    Raises:
        RunError: there is no such episode.
    """
    quoted = name.replace("'", "''")
    [found] = log.query(_ROUND_OF.format(quoted)).to_pylist()
    round_ = found["round"]
    if round_ is None:
        raise RunError(f"there is no episode {name} in this run")
    where = f"round = {round_} AND episode = '{quoted}'"
    events = to_events(
        log.query(f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY seq")  # noqa: S608 - a literal with its quotes doubled
    )
    seqs = [event.seq for event in events if event.utterance is not None]
    about = {
        "grade": log.query(_GRADES.format(round=round_, episode=quoted)).to_pylist(),
        "trained": log.query(_TRAINED.format(seqs=seqs, round=round_)).to_pylist(),
        "dropped": log.query(_DROPPED.format(seqs=seqs, round=round_)).to_pylist(),
    }
    facts: dict[int, dict[str, Any]] = {event.seq: {} for event in events}
    for what, rows in about.items():
        for row in rows:
            facts[row.pop("seq")].setdefault(what, row)
    decode = piece_reader(path)
    messages = [{**message(event, decode), **facts[event.seq]} for event in events]
    return {"episode": name, "round": round_, "messages": messages}


def event(log: Log, path: Path, seq: int) -> dict[str, Any]:
    """Return an event with its prompt, what led to it, and what it led to.

    Raises:
        RunError: the log has no such event.
    """
    for found in to_events(log.query(_EVENT.format(int(seq)))):
        asked = _TRAINED_ON.format(round=found.round, late=_LATE, seq=found.seq)
        said, decode = found.utterance, piece_reader(path)
        prompt = [] if said is None else [decode(token) for token in said.prompt_tokens]
        return {
            **message(found, decode),
            "payload": json.loads(found.payload),
            "prompt": "".join(prompt),
            "producer": found.producer,
            "hash": found.hash,
            "wall_us": found.wall_us,
            "trained": log.query(asked).to_pylist(),
            "causes": _causes(log, found.seq),
            "effects": _effects(log, found),
        }
    raise RunError(f"there is no event {seq}: the log ends with event {log.last_seq}")


def _causes(log: Log, seq: int | None) -> list[dict[str, Any]]:
    """Return what led to an event, the first cause first; itself is last."""
    found: list[dict[str, Any]] = []
    while seq is not None:
        [row] = log.query(_CAUSE.format(seq)).to_pylist()
        found.append(row)
        seq = row["cause"]
    return found[::-1]


def _effects(log: Log, event: Event) -> list[dict[str, Any]]:
    """Return what an event led to, in order."""
    found: list[dict[str, Any]] = []
    causes = [event.seq]
    while causes and len(found) < _MOST:
        listed = ", ".join(map(str, causes))
        asked = _EFFECTS.format(causes=listed, seq=event.seq, round=event.round, most=_MOST)
        rows = log.query(asked).to_pylist()
        found += rows
        causes = [row["seq"] for row in rows]
    return sorted(found, key=lambda row: row["seq"])[:_MOST]


def message(event: Event, decode: Callable[[int], str]) -> dict[str, Any]:
    """Return what a reader is shown of an event; `pieces` and `logprobs` are of its tokens."""
    said = event.utterance
    return {
        "seq": event.seq,
        "kind": event.kind,
        "sender": event.sender,
        "recipient": event.recipient,
        "episode": event.episode,
        "round": event.round,
        "cause": event.cause,
        "task": event.task,
        "version": event.policy_version,
        "versions": getattr(event.message, "versions", ()),
        "text": words(event.message) or _told(event),
        "of": getattr(event.message, "of", None),
        "pieces": [] if said is None else [decode(token) for token in said.tokens],
        "logprobs": () if said is None else said.logprobs,
    }


def piece_reader(path: Path) -> Callable[[int], str]:
    """Return what reads one token of a run's policy."""
    return _piece_reader(path, PolicyStore(path / POLICIES).path(0))


@lru_cache(maxsize=8)
def _piece_reader(_: Path, policy: Path) -> Callable[[int], str]:
    read: Callable[[Sequence[int]], str] = reader(policy)

    @lru_cache(maxsize=65_536)
    def piece(token: int) -> str:
        return read([token])

    return piece


def _told(event: Event) -> str:
    """Return in one line what a message says that no role speaks."""
    fields = json.loads(event.payload)
    shown = {
        name: value
        for name, value in fields.items()
        if name not in _NO_TEXT and value not in (None, "", 0, [], {})
    }
    return ", ".join(f"{name} {_brief(value)}" for name, value in shown.items())


def _brief(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, dict):
        return " ".join(f"{name} {_brief(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
