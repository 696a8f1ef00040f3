"""The client of a live run's endpoint: the log as other processes have it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import pyarrow as pa

from simctl.bus.event import Draft, Event
from simctl.store import address
from simctl.store.address import Address
from simctl.store.errors import OwnerGoneError, RunMissingError
from simctl.store.rows import PAGE, SCHEMA, to_events
from simctl.store.wire import dump_drafts, load_error, load_table

_WAIT = 60.0  # seconds that a follower's question stays open
# a busy owner may answer late, and a dead one hangs up: only connecting has a limit
_PATIENCE = httpx.Timeout(None, connect=10)


class RemoteLog:
    """An event log in another process."""

    def __init__(self, owner: Address) -> None:
        """Talk to `owner`."""
        self.owner = owner
        self._client = self._connect()

    def _connect(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.owner.socket)),
            base_url="http://owner",
            timeout=_PATIENCE,
        )

    @classmethod
    def of(cls, run_dir: Path) -> Self:
        """Talk to the owner of a live run.

        Raises:
            RunMissingError: nobody owns that run now.
        """
        found = address.find(run_dir)
        if found is None:
            raise RunMissingError(f"run {run_dir} is not live: no process owns it")
        return cls(found)

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.owner.run

    @property
    def branch(self) -> str:
        """The branch on which its owner writes."""
        return str(self.status()["branch"])

    @property
    def last_seq(self) -> int:
        """The seq of the last committed event; 0 when there is none."""
        return int(self.status()["last_seq"])

    def status(self) -> Mapping[str, Any]:
        """Return the owner's pid, its run and branch, and the last seq."""
        found: dict[str, Any] = self._ask("GET", "/status").json()
        return found

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        until = self.last_seq if until is None else until
        while after < until:
            events = self._events(after, min(PAGE, until - after), 0)
            if not events:
                return
            yield from events
            after = events[-1].seq

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`."""
        parts: list[pa.Table] = []
        while after < until:
            part = self._page(after, min(PAGE, until - after), 0)
            parts.append(part)
            if part.num_rows == 0:
                break
            after += part.num_rows
        return pa.concat_tables(parts) if parts else SCHEMA.empty_table()

    def follow(self, after: int = 0, *kinds: str) -> Iterator[list[Event]]:
        """Give what comes after `after` as it is committed, for ever.

        Whoever waits for an event of some `kinds` is told what came before it when one is there.

        Raises:
            OwnerGoneError: the owner ended.
        """
        while True:
            events = self._events(after, PAGE, _WAIT, kinds)
            if events:
                yield events
                after = events[-1].seq

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive.
        """
        answer = self._ask("POST", "/sql", json={"sql": sql, "max_rows": max_rows})
        return load_table(answer.content)

    def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Let the owner publish the drafts and return their events, in order.

        Raises:
            DraftRefusedError: a draft breaks a rule; nothing of this append was written.
            LogBrokenError: the owner's log takes nothing more.
        """
        answer = self._ask("POST", "/append", content=dump_drafts(drafts))
        return to_events(load_table(answer.content))

    def stop(self) -> None:
        """Wait for no answer any more; the owner gives a query up at its deadline."""
        self._client.close()
        self._client = self._connect()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()

    def _events(
        self, after: int, limit: int, wait: float, kinds: Sequence[str] = ()
    ) -> list[Event]:
        return to_events(self._page(after, limit, wait, kinds))

    def _page(self, after: int, limit: int, wait: float, kinds: Sequence[str] = ()) -> pa.Table:
        wanted = {"after": after, "limit": limit, "wait": wait, "kind": list(kinds)}
        return load_table(self._ask("GET", "/events", params=wanted).content)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        # an owner that ends takes its socket away; httpcore would leak one it cannot connect
        if not self.owner.socket.exists():
            raise self._gone("it ended")
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._gone(error) from error
        if not answer.is_error:
            return answer
        try:
            said = answer.json()
        except ValueError as error:  # its server, which breaks off what takes too long as it ends
            raise self._gone("it ended before it could answer") from error
        raise load_error(said)

    def _gone(self, reason: object) -> OwnerGoneError:
        owner = self.owner
        return OwnerGoneError(
            f"process {owner.pid}, which owned run {owner.run}, is gone: {reason}"
        )
