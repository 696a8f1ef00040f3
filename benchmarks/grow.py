"""Grows a log: the rounds of a finished run again and again, until it is as long as is wanted.

Every copy goes on where the one before ended: seqs, causes, tasks, rounds, versions and numbers of
producers are moved along, also inside the messages, and the chain is a real one. What can only be
computed (digests of batches, hashes of weights) stays as it was.

    python benchmarks/grow.py runs/society grown --events 1000000
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    AnyMessage,
    RunEnded,
    UnknownMessage,
)
from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog
from simctl.store.log import EventLog
from simctl.store.policies import PolicyStore

SEQS = ("task", "of", "parent_task")
VERSIONS = ("version", "parent")
COMMIT = 1000  # rows
AHEAD = 8  # commits that may wait


@dataclass
class Copy:
    """Where a copy of a run begins. Its first event, which starts the run, is there once."""

    seqs: int
    rounds: int
    numbers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])

    def draft(self, event: Event) -> Draft:
        """Return an event of the run as this copy says it."""
        producer, episode = self._name(event.producer), self._name(event.episode)
        number = self.numbers[producer, event.epoch]
        self.numbers[producer, event.epoch] += 1
        return Draft(
            producer=producer,
            epoch=event.epoch,
            pseq=number,
            message=self._message(event.message),
            sender=event.sender,
            recipient=event.recipient,
            episode=episode,
            round=event.round and event.round + self.rounds,
            cause=self._seq(event.cause),
            task=self._seq(event.task),
            policy_version=None
            if event.policy_version is None
            else event.policy_version + self.rounds,
            utterance=event.utterance,
            wall_us=event.wall_us,
        )

    def _message(self, message: AnyMessage | UnknownMessage) -> AnyMessage:
        assert not isinstance(message, UnknownMessage), "only logs of this simctl are grown"
        moved: dict[str, object] = {}
        for name, value in message:
            if name in SEQS and isinstance(value, int):
                moved[name] = self._seq(value)
            elif name in VERSIONS and isinstance(value, int):
                moved[name] = value + self.rounds
            elif name == "sources":
                moved[name] = tuple(map(self._seq, value))
        return message.model_copy(update=moved)

    def _seq(self, seq: int | None) -> int | None:
        return seq if seq is None or seq == 1 else seq + self.seqs

    def _name(self, name: str) -> str:
        """Move the round in the name of an episode: e3.007."""
        number, point, rest = name.removeprefix("e").partition(".")
        if not (point and number.isdigit()):
            return name
        return f"e{int(number) + self.rounds}.{rest}"


def drafts(log: EventLog, events: int) -> Iterator[Draft]:
    """Give a log that repeats the rounds of `log` until it is that long."""
    last = log.last_seq
    [ends] = log.query("SELECT max(round) AS rounds FROM events").to_pylist()
    body = last - 2  # without the start of the run and its end
    copy = Copy(0, 0)
    first = next(iter(log.read(0, 1)))
    yield copy.draft(first)
    for number in range(-(-events // body)):
        copy = Copy(number * body, number * ends["rounds"], copy.numbers)
        yield from map(copy.draft, log.read(1, last - 1))
    yield copy.draft(next(iter(log.read(last - 1, last))))


def grow(run_dir: Path, out: Path, events: int) -> int:
    """Write the grown run and return how many events it has."""
    PolicyStore(out / "policies").adopt(PolicyStore(run_dir / "policies").path(0))
    shutil.copy(run_dir / "run.toml", out / "run.toml")
    waiting: list[Future[list[Event]]] = []
    with open_log(run_dir) as source, DuckLog(out / LOG, run=out.name) as log:
        batch: list[Draft] = []
        for draft in drafts(source, events):
            batch.append(draft)
            if len(batch) == COMMIT or isinstance(draft.message, RunEnded):
                waiting.append(log.submit(batch))
                batch = []
            if len(waiting) > AHEAD:
                waiting.pop(0).result()
        for each in waiting:
            each.result()
        return log.last_seq


def main() -> None:
    """Grow what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of a finished run")
    parser.add_argument("out", type=Path, help="directory that is made")
    parser.add_argument("--events", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"{grow(asked.run, asked.out, asked.events)} events in {asked.out / LOG}")


if __name__ == "__main__":
    main()
