"""Answers of a log, folded as the trainer folds them, each with the texts it was made of.

Texts are read from the logged token ids by the run's own tokenizer, with the token that ends an
answer; nothing is rendered again from messages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from simctl.bus.answers import TaskPosed
from simctl.bus.asks import Role
from simctl.bus.messages import TaskChecked
from simctl.cli.cut import Log
from simctl.cli.errors import UserError
from simctl.store.said import Said, said
from simctl.trainer.trajectory import LEARNT, Trajectory, trajectories

Reader = Callable[[Sequence[int]], str]
# the columns by which answers are chosen; an exported row has them under the same names
ANSWERS = """
SELECT e.run, e.seq, e.cause AS prompt_seq, e.kind, e.round, e.episode,
    if(e.kind = 'demonstration_given', NULL, e.policy_version) AS policy_version,
    CASE WHEN e.kind = 'demonstration_given' THEN e.payload ->> '$.role'
        WHEN e.payload ->> '$.privileged' = 'true' THEN 'teacher' ELSE e.sender END AS role,
    coalesce(e.task, e.seq) AS task, p.problem, c.reference,
    coalesce(c.difficulty, 0) AS difficulty,
    if(e.kind = 'action_taken', last_value(g.reward IGNORE NULLS) OVER turns, g.reward) AS reward,
    if(e.kind = 'action_taken', last_value(g.parts IGNORE NULLS) OVER turns, g.parts) AS parts,
    coalesce((e.payload ->> '$.truncated')::BOOLEAN, false) AS truncated
FROM events e
LEFT JOIN task_posed p ON p.seq = coalesce(e.task, e.seq)
LEFT JOIN task_checked c ON c.task = coalesce(e.task, e.seq) AND c.seq <= {until}
LEFT JOIN answer_graded g ON g.of = e.seq AND g.seq <= {until}
WHERE len(e.tokens) > 0 AND e.seq <= {until} AND e.kind IN ({kinds})
WINDOW turns AS (
    PARTITION BY e.kind, e.task, e.payload ->> '$.index' ORDER BY e.seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
"""
_PARTS = (
    "SELECT DISTINCT unnest(map_keys(parts)) AS name FROM answer_graded WHERE seq <= {} ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, with what it was asked about."""

    told: Trajectory
    run: str
    episode: str
    problem: str | None
    reference: str | None
    prompt: str
    completion: str
    unended: str  # the completion without the token that ends it

    def right(self, threshold: float) -> bool:
        """Tell whether it earned that much, or was demonstrated."""
        reward = self.told.reward
        return self.told.demonstrated or (reward is not None and reward >= threshold)

    @property
    def about(self) -> dict[str, Any]:
        """The columns that answers to one prompt share."""
        told = self.told
        return {
            "run": self.run,
            "role": told.role,
            "kind": told.kind,
            "round": told.round,
            "task": told.about,
            "problem": self.problem,
            "reference": self.reference,
            "difficulty": told.difficulty,
        }

    @property
    def own(self) -> dict[str, Any]:
        """The columns that are only this answer's."""
        told = self.told
        return {
            "seq": told.source,
            "prompt_seq": told.cause,
            "episode": self.episode,
            "policy_version": told.policy_version,
            "reward": told.reward,
            "parts": dict(told.parts),
            "truncated": told.truncated,
        }


def chosen(log: Log, where: str, until: int) -> frozenset[int] | None:
    """Return the seqs of the answers up to `until` that meet a condition; None: all do.

    Raises:
        QueryError: the condition is wrong, not allowed or too expensive.
        UserError: it is no condition.
    """
    if not where.strip():
        return None
    kinds = ", ".join(f"'{kind}'" for kind in sorted(LEARNT))
    answers = ANSWERS.format(until=until, kinds=kinds)
    # on lines of its own, so that a comment in it ends
    sql = f"WITH answers AS ({answers})\nSELECT seq FROM answers WHERE (\n{where}\n)"
    found = log.query(sql, max_rows=max(until, 1))
    if found.column_names != ["seq"]:
        raise UserError(f"--where {where!r} is no condition; it must be one, as in: reward >= 1")
    return frozenset(found.column("seq").to_pylist())


def parts(log: Log, until: int) -> list[str]:
    """Return the names of all parts of grades up to `until`."""
    names: list[str] = log.query(_PARTS.format(until)).column("name").to_pylist()
    return names


def rounds(  # noqa: PLR0913 - whose answers, and as what
    log: Log,
    run: str,
    read: Reader,
    *,
    until: int,
    only: frozenset[int] | None = None,
    roles: Sequence[Role] = (),
) -> Iterator[list[Answer]]:
    """Give the answers of each round up to `until`: those in `only`, of these roles."""
    for _, events in groupby(said(log, LEARNT, until=until), attrgetter("round")):
        heard = list(events)
        about, episodes = _about(heard), {each.seq: each.episode for each in heard}
        yield [
            Answer(
                told,
                run,
                episodes[told.source],
                *about.get(told.about, (None, None)),
                prompt=read(told.prompt),
                completion=read(told.tokens),
                unended=read(told.unended),
            )
            for told in trajectories(heard)
            if (only is None or told.source in only) and (not roles or told.role in roles)
        ]


def _about(heard: Sequence[Said]) -> dict[int, tuple[str | None, str | None]]:
    """Return the problem and the reference of each task."""
    found: dict[int, tuple[str | None, str | None]] = {}
    for each in heard:
        match each.message if each.kind in ("task_posed", "task_checked") else None:
            case TaskPosed(problem=problem):
                found[each.seq] = (problem, None)
            case TaskChecked(task=task, reference=reference):
                found[task] = (found.get(task, (None, None))[0], reference)
            case _:
                pass
    return found
