"""Watches: each looks at the rows of a log as they pass, and keeps one promise in mind."""

from collections.abc import Callable
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from simctl.bus.event import event_id
from simctl.store.chain import Fault, Link, follow
from simctl.store.findings import COPY, Finding, damaged
from simctl.store.sequencer import Speaker, episode_round

Query = Callable[[str], pa.Table]


class Watch(Protocol):
    """Looks at rows in the order of their seq."""

    def see(self, rows: pa.Table) -> None:
        """Look at the next rows."""
        ...

    def finding(self) -> Finding:
        """Say what was found."""
        ...


class Order:
    """Every seq is there once, from 1."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self._last = 0
        self._fault: Fault | None = None

    def see(self, rows: pa.Table) -> None:
        """Compare the seqs with the numbers that follow."""
        seqs = rows.column("seq").to_pylist()
        wanted = range(self._last + 1, self._last + 1 + len(seqs))
        if self._fault is None and seqs != list(wanted):
            at = next(pair for pair in zip(wanted, seqs, strict=True) if pair[0] != pair[1])
            what = "is missing" if at[1] > at[0] else f"is event {at[1]} once more"
            self._fault = Fault(at[0], f"event {at[0]} {what}")
        self._last = seqs[-1] if seqs else self._last

    def finding(self) -> Finding:
        """Say whether there is a gap."""
        if self._fault is not None:
            return damaged("order", self._fault.text, self._fault.seq)
        return Finding("order", f"{self._last:,} events, each seq once")


class Chain:
    """Every event continues the one before and is what its hash says."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self.link = Link()
        self.fault: Fault | None = None

    def see(self, rows: pa.Table) -> None:
        """Hash the rows again."""
        if self.fault is None:
            self.link, self.fault = follow(self.link, rows)

    def finding(self) -> Finding:
        """Say how far the chain goes."""
        if self.fault is not None:
            return damaged("chain", self.fault.text, self.fault.seq)
        return Finding("chain", f"every hash computed again, up to {self.link.hash[:16]}...")


class Speakers:
    """Every speaker's numbers go from 0 without a gap or a double, and ids follow from them."""

    def __init__(self, query: Query) -> None:
        """Begin before the first row; `query` tells what was forgotten of rounds that are over."""
        self._query = query
        self._next: dict[Speaker, int] = {}
        self._over = 0  # the round that ended last
        self._count = 0
        self._fault: Fault | None = None

    def see(self, rows: pa.Table) -> None:
        """Compare the numbers with those that follow."""
        names = ("seq", "run", "producer", "epoch", "pseq", "id")
        for seq, run, producer, epoch, pseq, id_ in zip(
            *(rows.column(name).to_pylist() for name in names), strict=True
        ):
            if self._fault is not None:
                return
            wanted = self._wanted((producer, epoch), seq)
            if pseq != wanted:
                text = f"event {seq} is number {pseq} of {producer!r} (epoch {epoch})"
                self._fault = Fault(seq, f"{text}, whose next is {wanted}")
            elif id_ != str(event_id(run, producer, epoch, pseq)):
                self._fault = Fault(seq, f"the id of event {seq} is not that of its producer")
            self._next[producer, epoch] = pseq + 1
        self._forget(rows)

    def finding(self) -> Finding:
        """Say whether a number is missing or doubled."""
        if self._fault is not None:
            return damaged("speakers", self._fault.text, self._fault.seq, COPY)
        return Finding("speakers", f"{self._count:,}, each numbers what it says from 0, once")

    def _wanted(self, speaker: Speaker, seq: int) -> int:
        if speaker in self._next:
            return self._next[speaker]
        if 0 <= episode_round(speaker) <= self._over:
            producer = speaker[0].replace("'", "''")
            [row] = self._query(
                f"SELECT count(*) AS said FROM events WHERE producer = '{producer}'"  # noqa: S608
                f" AND epoch = {speaker[1]} AND seq < {seq}"
            ).to_pylist()
            if row["said"]:
                return int(row["said"])
        self._count += 1
        return 0

    def _forget(self, rows: pa.Table) -> None:
        """Let go of the episodes that are over: a million of them must not be remembered."""
        rounds = rows.filter(pc.field("kind") == "round_ended").column("round").to_pylist()
        ended = max(rounds, default=0)
        if ended > self._over:
            self._over = ended
            kept = (each for each in self._next.items() if not 0 <= episode_round(each[0]) <= ended)
            self._next = dict(kept)


class Causes:
    """A cause comes before its effect."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self._count = 0
        self._fault: Fault | None = None

    def see(self, rows: pa.Table) -> None:
        """Compare causes with the seqs of their effects."""
        if self._fault is not None:
            return
        seq, cause = pc.field("seq"), pc.field("cause")
        self._count += rows.num_rows - rows.column("cause").null_count
        wrong = rows.filter((cause >= seq) | (cause < 1)).select(["seq", "cause"])
        for row in wrong.slice(0, 1).to_pylist():
            text = f"event {row['seq']} names event {row['cause']} as its cause"
            self._fault = Fault(row["seq"], text)

    def finding(self) -> Finding:
        """Say whether an effect comes first."""
        if self._fault is not None:
            return damaged("causes", self._fault.text, self._fault.seq, COPY)
        return Finding("causes", f"{self._count:,}, each before its effect")
