"""What a worker offers the runs at a broker."""

from dataclasses import dataclass
from pathlib import Path

from simctl.bus.asks import Role
from simctl.bus.broker import Broker


@dataclass(frozen=True)
class Terms:
    """What a worker offers: `run` is the one it works for, or any; `shared` has its policies."""

    broker: Broker
    name: str
    roles: tuple[Role, ...]
    capacity: int
    run: str | None = None
    shared: Path | None = None
    stay: bool = False
