"""Events: a draft is what somebody wants to say, an event is a draft with a place in the log."""

import hashlib
import json
import uuid
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Annotated

from pydantic import Field

from simctl.bus.messages import (
    AnyMessage,
    UnknownMessage,
)
from simctl.bus.upcast import read
from simctl.bus.values import canonical

_NAMESPACE = uuid.UUID("6f2d8d0e-54f0-5c1e-9c52-6d1f3c1b7a55")
GENESIS = "0" * 64  # the hash before the first event
# what a hash covers, in this order, with what was said
HASHED = (
    "kind", "schema", "sender", "recipient", "episode", "round", "cause", "task",
    "policy_version", "payload",
)  # fmt: skip
_hashed = attrgetter(*HASHED)
_as_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a model was shown and what it said: token ids, and log-probabilities as sampled.

    `tokens` and `logprobs` have one length and end with the end-of-text token unless the
    answer was cut off. All three are in the policy's own vocabulary; text is never re-tokenised.
    """

    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A message with its sender, before the log has given it a place.

    (producer, epoch, pseq) makes appending idempotent: the same triple is the same event.
    `cause` is the seq of the event that led to this one, `task` the seq of the task it is about.
    """

    producer: str
    epoch: int
    pseq: int
    message: Annotated[AnyMessage, Field(discriminator="kind")]
    sender: str
    recipient: str = ""
    episode: str = ""
    round: int = 0
    cause: int | None = None
    task: int | None = None
    policy_version: int | None = None
    utterance: Utterance | None = None
    wall_us: int = 0


@dataclass(frozen=True)
class Event:
    """One line of the log. `seq` is its place: gapless from 1; nothing is ordered by `wall_us`."""

    run: str
    branch: str
    seq: int
    producer: str
    epoch: int
    pseq: int
    kind: str
    schema: int
    sender: str
    recipient: str
    episode: str
    round: int
    cause: int | None
    task: int | None
    policy_version: int | None
    wall_us: int
    payload: str
    utterance: Utterance | None
    prev_hash: str
    hash: str = field(repr=False)

    @property
    def id(self) -> uuid.UUID:
        """The id that belongs to its producer's message."""
        return event_id(self.run, self.producer, self.epoch, self.pseq)

    @cached_property
    def message(self) -> AnyMessage | UnknownMessage:
        """The message, read from the payload; of another version's, its text."""
        return read(self.kind, self.schema, self.payload)


def event_id(run: str, producer: str, epoch: int, pseq: int) -> uuid.UUID:
    """Return the id that belongs to a producer's message: the same triple, the same id."""
    return uuid.uuid5(_NAMESPACE, f"{run}\x1f{producer}\x1f{epoch}\x1f{pseq}")


def chain_hash(prev_hash: str, head: Sequence[str | int | None], said: Utterance | None) -> str:
    """Return the hash of what happened (`head` and what was said) on top of everything before it.

    Run names, ids, producers, epochs and wall times are left out, so that two runs of one seed
    have one chain.
    """
    digest = hashlib.sha256(prev_hash.encode())
    digest.update(_as_json(head).encode())
    if said is not None:
        for typecode, numbers in (
            ("i", said.prompt_tokens),
            ("i", said.tokens),
            ("f", said.logprobs),
        ):
            digest.update(b"\x1e%d\x1e" % len(numbers) + array(typecode, numbers).tobytes())
    return digest.hexdigest()


def rehash(event: Event) -> str:
    """Return the hash that an event from a log must have."""
    return chain_hash(event.prev_hash, _hashed(event), event.utterance)


def seal(  # noqa: PLR0913 - where it stands, and when it got there
    draft: Draft, *, run: str, branch: str, seq: int, prev_hash: str, wall_us: int = 0
) -> Event:
    """Give a draft its place: the event that follows `prev_hash` at `seq`.

    `wall_us` is the time of a draft that has none.
    """
    message = draft.message
    event = Event(
        run=run,
        branch=branch,
        seq=seq,
        producer=draft.producer,
        epoch=draft.epoch,
        pseq=draft.pseq,
        kind=message.kind,
        schema=message.schema_version,
        sender=draft.sender,
        recipient=draft.recipient,
        episode=draft.episode,
        round=draft.round,
        cause=draft.cause,
        task=draft.task,
        policy_version=draft.policy_version,
        wall_us=draft.wall_us or wall_us,
        payload=canonical(message),
        utterance=draft.utterance and as_stored(draft.utterance),
        prev_hash=prev_hash,
        hash="",
    )
    # nobody has it yet: this is cheaper than making it twice, and whoever hears it need not parse
    event.__dict__.update(hash=rehash(event), message=message)
    return event


def as_stored(said: Utterance) -> Utterance:
    """Return the utterance as a log gives it back: log-probabilities in single precision."""
    return Utterance(said.prompt_tokens, said.tokens, tuple(array("f", said.logprobs)))
