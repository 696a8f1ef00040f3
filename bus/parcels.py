"""Parcels: what the owner of a run and its clients say to each other at a broker.

The owner is the process that plays the run and writes its log; clients are workers and readers.
Every parcel may be lost, doubled or late: a client says a thing until it is answered, and the owner
answers the same thing the same way.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from simctl.bus.asks import Role
from simctl.bus.event import Draft, Event, seal
from simctl.bus.messages import PolicyUpdated
from simctl.bus.values import Value

ROOT = "simctl"
BATCH = 256  # events of a parcel
_BATCH_SIZE = 4 << 20  # bytes of them, unless one is larger
Number = Annotated[int, Field(ge=0, lt=1 << 63)]  # what a log's column holds
ANY_RUN = f"{ROOT}/+/run"


class Topics:
    """The topics of one run."""

    def __init__(self, run: str) -> None:
        """Name the topics of `run`."""
        self._base = f"{ROOT}/{quote(run, safe='')}"
        self.run = f"{self._base}/run"  # retained: that the run is live
        self.log = f"{self._base}/log"  # every event, in order
        self.inboxes = f"{self._base}/in/+"

    def inbox(self, client: str) -> str:
        """Return where a client speaks to the owner."""
        return f"{self._base}/in/{client}"

    def outbox(self, client: str) -> str:
        """Return where the owner speaks to a client."""
        return f"{self._base}/to/{client}"


def client_of(topic: str) -> str:
    """Return the client whose inbox or outbox a topic is."""
    return topic.rpartition("/")[2]


# --- what the owner announces -----------------------------------------------------------------


class Live(Value):
    """The run is played now; retained by the broker until it ends."""

    run: str


# --- what clients say -------------------------------------------------------------------------


class Hello(Value):
    """A client wants to take part: as a worker that plays `roles`, or without any to read."""

    kind: Literal["hello"] = "hello"
    session: str  # made anew by every process
    roles: tuple[Role, ...] = ()
    capacity: int = Field(default=64, ge=1)  # asks that it takes at a time
    machine: str = ""


class Say(Value):
    """Drafts to be published; those of a group in one append. `number` is of the parcel."""

    kind: Literal["say"] = "say"
    epoch: Number
    number: Number
    groups: tuple[tuple[Draft, ...], ...] = Field(max_length=1000)


class Alive(Value):
    """A sign of life: the leases that a worker knows of, and the policy version that it serves.

    With `reads` the client wants to hear the log.
    """

    kind: Literal["alive"] = "alive"
    epoch: Number
    number: Number
    leases: tuple[Number, ...] = ()
    version: Number | None = None
    reads: bool = False


class Want(Value):
    """Ask for the events after `after`."""

    kind: Literal["want"] = "want"
    after: Number


class Fetch(Value):
    """Ask for a part of a file of a policy version."""

    kind: Literal["fetch"] = "fetch"
    version: Number
    name: str
    offset: Number


class Lost(Value):
    """What the broker says for a worker whose connection was lost and did not come back soon."""

    kind: Literal["lost"] = "lost"
    session: str


class Leave(Value):
    """A worker takes no part any more."""

    kind: Literal["leave"] = "leave"
    session: str
    reason: str


ToOwner = Annotated[Hello | Say | Alive | Want | Fetch | Lost | Leave, Field(discriminator="kind")]


# --- what the owner says ----------------------------------------------------------------------


class Welcome(Value):
    """The answer to a Hello: the epoch in which the client speaks, and what the run goes by."""

    kind: Literal["welcome"] = "welcome"
    session: str
    epoch: Number
    recipe: str


class Refused(Value):
    """The answer to a Hello that cannot be accepted."""

    kind: Literal["refused"] = "refused"
    session: str
    reason: str


class Placed(Value):
    """Where a draft is in the log: enough to make its event of it, unless `event` is another."""

    seq: int
    wall_us: int
    prev_hash: str
    hash: str
    event: Event | None = None

    def of(self, draft: Draft, run: str, branch: str) -> Event | None:
        """Return the event, or nothing if the draft as we know it is not what the log has."""
        if self.event is not None:
            return self.event
        sealed = seal(
            draft,
            run=run,
            branch=branch,
            seq=self.seq,
            prev_hash=self.prev_hash,
            wall_us=self.wall_us,
        )
        return sealed if sealed.hash == self.hash else None


def placed(draft: Draft, event: Event) -> Placed:
    """Return where a draft is; with the event, if it was there before or is kept as another."""
    return Placed(
        seq=event.seq,
        wall_us=event.wall_us,
        prev_hash=event.prev_hash,
        hash=event.hash,
        event=None if event.message is draft.message else event,
    )


class Said(Value):
    """The answer to Say: for each group where its drafts are, or why they were refused.

    Where there was no telling groups apart, `refused` says why.
    """

    kind: Literal["said"] = "said"
    epoch: Number
    number: Number
    run: str = ""
    branch: str = ""
    groups: tuple[tuple[Placed, ...] | str, ...] = ()
    refused: str = ""


class Work(Value):
    """Asks that are leased to the client. `lease` is the seq of the event that says so."""

    kind: Literal["work"] = "work"
    lease: int
    asks: tuple[Event, ...]


class Serve(Value):
    """The policy version to serve, as the trainer announced it, and the files that it has."""

    kind: Literal["serve"] = "serve"
    update: PolicyUpdated
    files: tuple[str, ...] = ()


class Page(Value):
    """Events in order: those after `after`."""

    kind: Literal["page"] = "page"
    after: int
    events: tuple[Event, ...]


class Chunk(Value):
    """A part of a file of a policy version, which has `size` bytes; `data` is base64."""

    kind: Literal["chunk"] = "chunk"
    version: int
    name: str
    offset: int
    size: int
    data: str


class Pulse(Value):
    """The answer to the sign of life `number`: the last seq of the log."""

    kind: Literal["pulse"] = "pulse"
    number: Number
    seq: int


class Unknown(Value):
    """The owner does not know the client in this epoch: it must say Hello again."""

    kind: Literal["unknown"] = "unknown"
    epoch: Number


class Ended(Value):
    """The run ended."""

    kind: Literal["ended"] = "ended"
    reason: str


ToClient = Annotated[
    Welcome | Refused | Said | Work | Serve | Page | Chunk | Pulse | Unknown | Ended,
    Field(discriminator="kind"),
]

TO_OWNER: TypeAdapter[Hello | Say | Alive | Want | Fetch | Lost | Leave] = TypeAdapter(ToOwner)
TO_CLIENT: TypeAdapter[
    Welcome | Refused | Said | Work | Serve | Page | Chunk | Pulse | Unknown | Ended
] = TypeAdapter(ToClient)


def batches(events: Iterable[Event]) -> Iterator[tuple[Event, ...]]:
    """Give events in order, as many at a time as one parcel takes, and at least one."""
    batch: list[Event] = []
    size = 0
    for event in events:
        weight = _weight(event)
        if batch and (len(batch) == BATCH or size + weight > _BATCH_SIZE):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(event)
        size += weight
    if batch:
        yield tuple(batch)


def _weight(event: Event) -> int:
    """Return about how many bytes an event takes, rather too many than too few."""
    said = event.utterance
    tokens = 32 * len(said.tokens) + 8 * len(said.prompt_tokens) if said else 0
    return 1000 + 2 * len(event.payload) + tokens


def dump(parcel: Value) -> bytes:
    """Return a parcel as JSON."""
    return parcel.model_dump_json().encode()
