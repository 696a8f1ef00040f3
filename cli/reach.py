"""How workers of a run are reached: a broker, or a cluster that keeps some of them alive."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from simctl.bus.broker import AddressError, Broker
from simctl.bus.roles import ROLES
from simctl.cli.broker.own import own
from simctl.cli.cluster.address import Cluster, ClusterError
from simctl.cli.elsewhere import Elsewhere, check, check_owner
from simctl.cli.extras import need
from simctl.cli.terms import Terms

WORKER = (
    "SIMCTL_MQTT_WORKER"  # the variable that has the broker's address for the cluster's workers
)
CAPACITY = 64  # asks that a worker takes at a time


@dataclass(frozen=True)
class Reach:
    """What a command line says of it: without a broker, a cluster gets one of its own here."""

    bus: Broker | None
    lease: float
    cluster: Cluster | None = None

    @contextmanager
    def open(self) -> Generator[Elsewhere]:
        """Begin what is the run's own, and see that the rest lets the run in.

        Raises:
            UserError: the broker or the cluster cannot be reached, or is not what the run needs.
        """
        if self.cluster is not None:
            need("ray", "ray", "grpc")
            if self.bus is not None:
                with self._kept(self.cluster, self.bus, _of_workers(self.bus)) as there:
                    yield there
            else:
                with own() as mine, self._kept(self.cluster, mine.owner, mine.worker) as there:
                    yield there
        elif self.bus is not None:
            check_owner(self.bus)
            yield Elsewhere(self.bus, self.lease)

    @contextmanager
    def _kept(self, cluster: Cluster, bus: Broker, workers: Broker) -> Generator[Elsewhere]:
        check_owner(bus)
        if self.bus is None:
            check(workers)

        from simctl.cli.cluster.fleet import fleet  # noqa: PLC0415 - an extra

        terms = Terms(workers, "", ROLES, CAPACITY)
        with fleet(cluster, terms, reachable=self.bus is not None) as company:
            yield Elsewhere(bus, self.lease, company)


def _of_workers(bus: Broker) -> Broker:
    """Return the broker as workers reach it: what they say is not the owner's to say.

    Raises:
        UserError: nobody said it, or it is no address.
    """
    url = os.environ.get(WORKER)
    if url is None:
        raise ClusterError(
            f"workers of the cluster need an address of {bus} of their own: set {WORKER} to what "
            "simctl broker prints for a worker, as other machines reach it"
        )
    try:
        return Broker.parse(url, cafile=bus.cafile, cert=bus.cert, key=bus.key)
    except AddressError as error:
        raise ClusterError(f"{WORKER}: {error}") from error
