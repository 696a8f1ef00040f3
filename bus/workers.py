"""What the log says of workers: processes that play roles of a run from elsewhere."""

from typing import Literal

from simctl.bus.asks import Message, Role


class WorkerJoined(Message):
    """A worker takes part from now on. The seq of this event is the epoch in which it speaks."""

    kind: Literal["worker_joined"] = "worker_joined"
    worker: str
    session: str
    roles: tuple[Role, ...]
    capacity: int
    machine: str = ""


class WorkerLeft(Message):
    """A worker takes no part any more, and why."""

    kind: Literal["worker_left"] = "worker_left"
    worker: str
    reason: str


class WorkerSynced(Message):
    """A worker serves a policy version, or refuses it: then the version before keeps serving.

    `delta` is the largest absolute difference of log-probabilities (nats) from the trainer's.
    """

    kind: Literal["worker_synced"] = "worker_synced"
    worker: str
    version: int
    ok: bool
    delta: float | None = None
    reason: str = ""


class WorkLeased(Message):
    """The asks (events) that only this worker may answer from now on."""

    kind: Literal["work_leased"] = "work_leased"
    worker: str
    asks: tuple[int, ...]


class LeaseExpired(Message):
    """The worker may not answer these asks any more: they go to others."""

    kind: Literal["lease_expired"] = "lease_expired"
    worker: str
    asks: tuple[int, ...]
    reason: str


AnyOfWorkers = WorkerJoined | WorkerLeft | WorkerSynced | WorkLeased | LeaseExpired
OF_WORKERS = ("worker_joined", "worker_left", "worker_synced", "work_leased", "lease_expired")
