"""The sequencer: gives drafts their place in the log, each exactly once.

A producer numbers what it says from 0. A number it has used gives the event that is there; a
number it has jumped over is refused, because then something it said got lost on the way here.
"""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simctl.bus.event import GENESIS, Draft, Event, seal
from simctl.store.errors import DraftRefusedError

Speaker = tuple[str, int]  # a producer in one epoch
Triple = tuple[str, int, int]
Clock = Callable[[], int]
_EPISODE = re.compile(r"e(\d+)\.")


@dataclass
class Position:
    """Where a log ends, and how far each speaker has come."""

    seq: int = 0
    hash: str = GENESIS
    pseqs: dict[Speaker, int] = field(default_factory=dict)
    ended_round: int = 0  # the episodes of this and earlier rounds are over


class Past(Protocol):
    """What a log can still look up."""

    def last_pseq(self, speaker: Speaker) -> int | None:
        """Return the last number that a speaker has used."""
        ...

    def find(self, drafts: Sequence[Draft]) -> Mapping[Triple, Event]:
        """Return the events that the log has under the drafts' triples."""
        ...


def episode_round(speaker: Speaker) -> int:
    """Return the round whose episode speaks, or -1 when the speaker is no episode."""
    match = _EPISODE.match(speaker[0])
    return int(match[1]) if match else -1


def wall_us() -> int:
    """Return the wall time in microseconds since 1970."""
    return time.time_ns() // 1000


class Sequencer:
    """Places drafts after `position`. An append is placed as a whole or not at all."""

    def __init__(
        self, run: str, branch: str, position: Position, past: Past, clock: Clock = wall_us
    ) -> None:
        """Go on from `position`, which the sequencer moves; ask `past` what it has forgotten.

        `clock` tells the wall time of drafts that have none, in microseconds since 1970.
        """
        self._run = run
        self._branch = branch
        self._past = past
        self._clock = clock
        self.position = position

    def place(self, drafts: Sequence[Draft]) -> list[Event]:
        """Return the event of every draft, in order; new ones follow the log's last event.

        Raises:
            DraftRefusedError: a draft breaks a rule; then none of them is placed.
        """
        self._remember(drafts)
        before = self.position
        fresh = Position(before.seq, before.hash, {}, before.ended_round)
        seen = [draft for draft in drafts if self._is_seen(draft)]
        events = dict(self._past.find(seen)) if seen else {}
        try:
            placed = [self._place(draft, fresh, events) for draft in drafts]
        except (ValueError, OverflowError, TypeError) as error:
            raise DraftRefusedError(f"an append holds what cannot be written: {error}") from error
        self._move(fresh)
        return placed

    def asks_past(self, drafts: Sequence[Draft]) -> bool:
        """Tell whether placing the drafts will look something up."""
        return any(self._is_seen(draft) or self._is_forgotten(draft) for draft in drafts)

    def _is_seen(self, draft: Draft) -> bool:
        return draft.pseq <= self.position.pseqs.get((draft.producer, draft.epoch), -1)

    def _is_forgotten(self, draft: Draft) -> bool:
        speaker = (draft.producer, draft.epoch)
        return speaker not in self.position.pseqs and self._is_over(speaker)

    def _remember(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            speaker = (draft.producer, draft.epoch)
            if self._is_forgotten(draft) and (last := self._past.last_pseq(speaker)) is not None:
                self.position.pseqs[speaker] = last

    def _place(self, draft: Draft, fresh: Position, events: dict[Triple, Event]) -> Event:
        triple = (draft.producer, draft.epoch, draft.pseq)
        if triple in events:
            return events[triple]
        self._check(draft, fresh)
        event = seal(
            draft,
            run=self._run,
            branch=self._branch,
            seq=fresh.seq + 1,
            prev_hash=fresh.hash,
            wall_us=draft.wall_us or self._clock(),
        )
        fresh.seq, fresh.hash = event.seq, event.hash
        fresh.pseqs[draft.producer, draft.epoch] = draft.pseq
        if event.kind == "round_ended":
            fresh.ended_round = max(fresh.ended_round, event.round)
        events[triple] = event
        return event

    def _check(self, draft: Draft, fresh: Position) -> None:
        speaker = (draft.producer, draft.epoch)
        wanted = 1 + fresh.pseqs.get(speaker, self.position.pseqs.get(speaker, -1))
        if draft.pseq != wanted:
            raise DraftRefusedError(
                f"producer {draft.producer!r} (epoch {draft.epoch}) said number {draft.pseq}, "
                f"but its next number is {wanted}: what is between them got lost"
            )
        if draft.cause is not None and not 0 < draft.cause <= fresh.seq:
            raise DraftRefusedError(
                f"{draft.message.kind} of {draft.producer!r} names event {draft.cause} as its "
                f"cause, but the log ends at {fresh.seq}: a cause comes before its effect"
            )
        said = draft.utterance
        if said is not None and not math.isfinite(sum(said.logprobs)):
            raise DraftRefusedError(
                f"{draft.message.kind} number {draft.pseq} of {draft.producer!r} holds a "
                "log-probability that is not finite"
            )

    def _move(self, fresh: Position) -> None:
        position = self.position
        position.seq, position.hash = fresh.seq, fresh.hash
        position.pseqs.update(fresh.pseqs)
        if fresh.ended_round > position.ended_round:
            position.ended_round = fresh.ended_round
            # a million episodes must not be remembered; the file still knows them
            for speaker in [each for each in position.pseqs if self._is_over(each)]:
                del position.pseqs[speaker]

    def _is_over(self, speaker: Speaker) -> bool:
        return 0 <= episode_round(speaker) <= self.position.ended_round
