"""Company: processes that learn one set of weights together. The first leads, the rest follow.

Only the leader reads the log, announces and commits. What it asks of its learners it tells the
others first, so that all do the same at the same time: each with its share of the samples of a
forward, and with its shard of every weight, gradient and moment (FSDP2, as in 2304.11277).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from simctl.bus.errors import SimctlError
from simctl.trainer.place import device_of
from simctl.trainer.shards import shard

FOREVER = timedelta(days=365)  # a round takes as long as it takes; who dies is noticed at once
T = TypeVar("T")
P = ParamSpec("P")
Call = tuple[str, tuple[Any, ...]]


class CompanyDiffersError(SimctlError):
    """There are more or fewer processes than the recipe says."""


class Company:
    """One process alone, or one of several in a group of torch's that is there already."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        """Take part as the process of this `rank`, the first being 0."""
        self.rank = rank
        self.size = size
        several = size > 1
        self._calls: Any = dist.new_group(backend="gloo", timeout=FOREVER) if several else None

    @property
    def leads(self) -> bool:
        """Whether this process is the one that others see."""
        return self.rank == 0

    def tell(self, name: str, *given: object) -> None:
        """Let those who follow hear that a method is called."""
        if self.size > 1 and self.leads:
            dist.broadcast_object_list([(name, given)], src=0, group=self._calls)

    def hear(self) -> Call | None:
        """Wait until the leader calls a method; return its name and arguments, or None if it died.

        Of a call that it did not live to finish nothing is seen either.
        """
        told: list[Any] = [None]
        with suppress(RuntimeError):
            dist.broadcast_object_list(told, src=0, group=self._calls)
        call: Call | None = told[0]
        return call

    def share(self, own: T) -> list[T]:
        """Return what every process gives, in their order; all must ask for it."""
        if self.size == 1:
            return [own]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, own, group=self._calls)
        return found

    def part(self, micro: Sequence[T]) -> Sequence[T]:
        """Return this process's share of a micro-batch, in which like ones lie side by side."""
        return micro[self.rank :: self.size]

    def hold(self, model: nn.Module, device: str) -> nn.Module:
        """Bring a model to where it is to compute, and keep this process's shard of it alone."""
        where = device_of(device, model)
        if self.size == 1:
            return model.to(where)
        if where == "cuda":
            torch.cuda.set_device(self.rank % torch.cuda.device_count())
        return shard(model, "cpu" if where == "mps" else where, self.size)


ALONE = Company()


class Member(Protocol):
    """Whatever every process of a company has one of."""

    @property
    def company(self) -> Company:
        """The company that it belongs to."""
        ...


M = TypeVar("M", bound=Member)


def together(method: Callable[Concatenate[M, P], T]) -> Callable[Concatenate[M, P], T]:
    """Let every process of a company do what is asked of the leader; arguments are by position.

    They are sent as pickles.
    """

    @wraps(method)
    def do(self: M, /, *given: P.args, **named: P.kwargs) -> T:
        self.company.tell(method.__name__, *given)
        return method(self, *given, **named)

    return do
