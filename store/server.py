"""The endpoint: lets other processes query, read, follow and append while the owner runs."""

import asyncio
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Self

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simctl.bus.event import Draft, Event
from simctl.bus.messages import MessageRejected
from simctl.store import address
from simctl.store.address import Address
from simctl.store.duck import DuckLog
from simctl.store.errors import DraftRefusedError, OwnerGoneError, StoreError
from simctl.store.intake import Intake
from simctl.store.rows import PAGE, to_table
from simctl.store.wire import ENDPOINT, dump_error, dump_table, load_drafts

Publish = Callable[[Sequence[Draft]], Future[list[Event]]]
ARROW = "application/vnd.apache.arrow.stream"
SOCKET = "store.sock"
QUERIES = 4  # that are answered at once; others wait
_LONGEST = 100  # bytes of a socket's path: the kernel takes 107
_LONGEST_WAIT = 600.0


class Endpoint:
    """Serves a log on a Unix socket, in a thread of its own, while it is entered."""

    def __init__(self, log: DuckLog, run_dir: Path, publish: Publish) -> None:
        """Serve `log`; what others append goes through `publish`, so that the bus delivers it."""
        self._log = log
        self._run_dir = run_dir
        self._publish = publish
        self._news = _News()
        self._asking = CapacityLimiter(QUERIES)
        # the log is longer by what an earlier endpoint kept: no epoch is used twice
        self._epoch = log.last_seq
        self._pseq = 0
        self._keeping = asyncio.Lock()
        config = uvicorn.Config(
            self._application(),
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="simctl-endpoint", daemon=True)
        self._socket: socket.socket | None = None
        self._temporary: Path | None = None

    def __enter__(self) -> Self:
        """Listen; whoever connects from now on is answered."""
        path = self._socket_path()
        path.unlink(missing_ok=True)  # of an owner that was killed
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(128)
        self._address = Address(
            run=self._log.run, directory=self._run_dir.resolve(), pid=os.getpid(), socket=path
        )
        self._thread.start()
        address.publish(self._run_dir, self._address)
        return self

    def __exit__(self, *_: object) -> None:
        """Answer those who wait, and stop."""
        address.remove(self._run_dir, self._address)
        self._server.should_exit = True
        self._news.close()
        self._thread.join()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _socket_path(self) -> Path:
        path = (self._run_dir / SOCKET).absolute()
        if len(os.fsencode(path)) < _LONGEST:
            return path
        self._temporary = Path(tempfile.mkdtemp(prefix="simctl-"))
        return self._temporary / SOCKET

    def _serve(self) -> None:
        assert self._socket is not None
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/status", self._status),
                Route("/events", self._events),
                Route("/sql", self._sql, methods=["POST"]),
                Route("/append", self._append, methods=["POST"]),
            ],
            exception_handlers={StoreError: _refuse, Exception: _fail},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        self._news.open(asyncio.get_running_loop())
        ended = self._log.listen(self._news.ring)
        try:
            yield
        finally:
            ended()

    async def _status(self, _: Request) -> Response:
        log = self._log
        return JSONResponse(
            {"pid": os.getpid(), "run": log.run, "branch": log.branch, "last_seq": log.last_seq}
        )

    async def _events(self, request: Request) -> Response:
        parameters = request.query_params
        after = int(parameters.get("after", 0))
        limit = min(int(parameters.get("limit", PAGE)), PAGE)
        wait = min(float(parameters.get("wait", 0)), _LONGEST_WAIT)
        kinds = parameters.getlist("kind")

        def ready() -> bool:
            came = max(map(self._log.last_of, kinds)) if kinds else self._log.last_seq
            return came > after or self._log.last_seq >= after + limit

        await self._news.wait_for(ready, wait)
        until = min(after + limit, self._log.last_seq)
        return _arrow(await run_in_threadpool(lambda: dump_table(self._log.page(after, until))))

    async def _sql(self, request: Request) -> Response:
        asked = await request.json()
        ask = partial(self._log.query, asked["sql"], max_rows=asked.get("max_rows"))
        # threads of their own, or many slow queries would keep the trainer from its events
        table = await to_thread.run_sync(ask, limiter=self._asking)
        return _arrow(await run_in_threadpool(dump_table, table))

    async def _append(self, request: Request) -> Response:
        intake = Intake()
        try:
            async for chunk in request.stream():
                intake.take(chunk)
            return _arrow(dump_table(to_table(await self._published(load_drafts(intake.body())))))
        except DraftRefusedError as error:
            with suppress(StoreError):  # whoever appended hears what was wrong, whatever comes
                await self._keep(intake.rejection(str(error)))
            raise

    async def _keep(self, rejected: MessageRejected) -> None:
        """Write down what was refused, as a message of the endpoint's own."""
        async with self._keeping:
            await self._published(
                [Draft(ENDPOINT, self._epoch, self._pseq, rejected, sender=ENDPOINT)]
            )
            self._pseq += 1

    async def _published(self, drafts: Sequence[Draft]) -> list[Event]:
        published = self._publish(drafts)
        try:
            return await asyncio.wrap_future(published)
        except asyncio.CancelledError:
            if published.cancelled():
                raise OwnerGoneError("the run is ending and takes nothing more") from None
            raise


class _News:
    """Wakes those who wait for a commit."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()
        self._closed = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def ring(self, _: int = 0) -> None:
        """Wake them, from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it those who waited
                self._loop.call_soon_threadsafe(self._ring)

    def close(self) -> None:
        self._closed = True
        self.ring()

    async def wait_for(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return when `ready` holds after a commit, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while not ready() and not self._closed:
                    await self._rung.wait()
        except TimeoutError:
            return

    def _ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return JSONResponse(dump_error(error), status_code=400)


async def _fail(_: Request, error: Exception) -> Response:
    text = f"the owner failed: {type(error).__name__}: {error}"
    return JSONResponse(dump_error(StoreError(text)), status_code=500)


def _arrow(body: bytes) -> Response:
    return Response(body, media_type=ARROW)
