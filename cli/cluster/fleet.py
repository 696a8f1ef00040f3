"""The fleet: the workers and the trainer of a run, which Ray places and starts again when they die.

Ray starts a process again; what it did is asked for once more from here, and the log says so. The
log and the bus are not Ray's: they outlive every process of the cluster, and the cluster.
"""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    GetTimeoutError,
    RayError,
    RayTaskError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import simctl
from simctl.cli.cluster.actors import SimctlTrainer, SimctlWorker
from simctl.cli.cluster.address import Cluster, ClusterError
from simctl.cli.cluster.connection import connected, is_here, nodes
from simctl.cli.cluster.naming import name_of
from simctl.cli.terms import Terms
from simctl.cli.trainer import Live

LOST = (RayError, ConnectionError)  # a process is gone, or the way to it
_FIRST, _LONGEST = 0.5, 30.0  # seconds before a worker that died is asked again
_LIVED = 60.0  # seconds after which a death is the first again
_COMING = 60.0  # seconds to wait for the first process: it may need a machine that is being begun
_ENDING = 10.0


class Post:
    """A place on the cluster for one process; `about` tells Ray what it needs."""

    def __init__(self, duty: type, **about: Any) -> None:
        self._make: Callable[[], Any] = ray.remote(duty).options(max_restarts=-1, **about).remote
        self.actor: Any = self._make()

    async def call(self, method: str, *given: object) -> Any:
        """Let the process do something, and return what came of it.

        Raises:
            RayError: the process died, or it raised something. It is started again.
        """
        try:
            return await _awaited(getattr(self.actor, method).remote(*given))
        except ActorDiedError:  # it did not even begin: Ray gives such a one up
            self.actor = self._make()
            raise
        except ActorUnavailableError:
            await self._back()
            raise

    async def _back(self) -> None:
        """Return when Ray has started the process again."""
        while True:
            try:
                await _awaited(self.actor.about.remote())
            except ActorUnavailableError:
                await asyncio.sleep(_FIRST)  # it says so at once, again and again
            else:
                return

    def renew(self) -> None:
        """Let another process take the place."""
        with suppress(*LOST):
            ray.kill(self.actor, no_restart=False)

    def end(self) -> None:
        """End the process."""
        with suppress(*LOST):
            ray.kill(self.actor)


class RayFleet:
    """Workers and a trainer on a cluster that we are connected to."""

    def __init__(self, cluster: Cluster, terms: Terms) -> None:
        """Let the workers work by `terms`, each under a name of its own.

        Raises:
            ClusterError: the cluster's simctl is another.
        """
        self._terms = terms
        here = [node["NodeID"] for node in nodes() if is_here(node)]
        self._workers = [
            Post(SimctlWorker, num_cpus=cluster.cpus, num_gpus=cluster.gpus)
            for _ in range(cluster.workers)
        ]
        # the trainer reads the run's directory and asks the owner through a socket in it
        self._trainer = (
            Post(
                SimctlTrainer,
                num_cpus=cluster.cpus,
                num_gpus=cluster.trainer_gpus,
                scheduling_strategy=NodeAffinitySchedulingStrategy(here[0], soft=False),
            )
            if here
            else None
        )
        self._check()

    @property
    def trainer(self) -> Live | None:
        """Return how a trainer lives, if this machine is one of the cluster's."""
        return None if self._trainer is None else self._train

    async def keep(self, run: str, policies: Path, warn: Callable[[str], None]) -> None:
        """Keep the workers of a run alive until cancelled; `warn` hears of each death.

        Where a worker's machine has `policies` too, it reads the weights there.
        """
        async with asyncio.TaskGroup() as group:
            for number, post in enumerate(self._workers):
                name, shared = name_of(run, number), policies
                terms = replace(self._terms, name=name, run=run, shared=shared)
                group.create_task(_keep(post, terms, warn))

    def end(self) -> None:
        """End every process."""
        for post in (*self._workers, *filter(None, (self._trainer,))):
            post.end()

    async def _train(self, run_dir: Path) -> str:
        assert self._trainer is not None
        learning = asyncio.ensure_future(self._trainer.call("train", _whole(run_dir)))
        try:
            code = await asyncio.shield(learning)
        except asyncio.CancelledError:
            self._trainer.end()
            with suppress(*LOST, TimeoutError):
                await asyncio.wait_for(learning, _ENDING)
            raise
        except LOST as error:
            return f"is lost ({words(error)})"
        if code:
            self._trainer.renew()
        return f"ended with code {code}"

    def _check(self) -> None:
        """Refuse a cluster whose simctl says other things than ours."""
        try:
            found: Any = ray.get(self._workers[0].actor.about.remote(), timeout=_COMING)
        except GetTimeoutError:
            return  # it may be full: the run says that it waits for workers
        except LOST as error:
            raise ClusterError(
                f"simctl {simctl.__version__} cannot be used on the cluster: {words(error)}. It "
                "must be installed on each machine"
            ) from error
        if found.version != simctl.__version__:
            raise ClusterError(
                f"the cluster has simctl {found.version} on {found.host}, and this is "
                f"{simctl.__version__}: install the same"
            )


@contextmanager
def fleet(cluster: Cluster, terms: Terms, *, reachable: bool) -> Generator[RayFleet]:
    """Give a fleet on a cluster; `reachable` says that other machines can reach the broker.

    Raises:
        ClusterError: the cluster cannot be reached or used.
    """
    with connected(cluster):
        far = [node["NodeManagerHostname"] for node in nodes() if not is_here(node)]
        if far and not reachable:
            raise ClusterError(
                f"{cluster} has machines ({far[0]}) that do not reach a broker on this one: start "
                "one with simctl broker --host, and name it with --bus"
            )
        company = RayFleet(cluster, terms)
        try:
            yield company
        finally:
            company.end()


def _whole(path: Path) -> str:
    """Return a path that means the same in another process."""
    return str(path.resolve())


def words(error: BaseException) -> str:
    """Return in a line what Ray says in many."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    said = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {said[0]}" if said else type(cause).__name__


async def _awaited(asked: Any) -> Any:
    """Return what Ray was asked for. Its own way complains when nobody waits any more."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[Any] = loop.create_future()

    def pass_on(done: Future[Any]) -> None:
        if heard.done():
            return
        error = done.exception()
        if error is None:
            heard.set_result(done.result())
        else:
            heard.set_exception(error)

    def tell(done: Future[Any]) -> None:  # in a thread of Ray's
        with suppress(RuntimeError):  # the loop has ended, and with it those who waited
            loop.call_soon_threadsafe(pass_on, done)

    asked.future().add_done_callback(tell)
    return await heard


async def _keep(post: Post, terms: Terms, warn: Callable[[str], None]) -> None:
    pause, clock = _FIRST, asyncio.get_running_loop().time
    while True:
        begun = clock()
        try:
            await post.call("work", terms)
        except LOST as error:
            warn(f"worker {terms.name} is lost ({words(error)}): Ray starts it again")
        pause = _FIRST if clock() - begun > _LIVED else min(2 * pause, _LONGEST)
        await asyncio.sleep(pause)  # one that cannot begin is not begun all the time
