"""Small real parts for the tests of the store."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import (
    AnyMessage,
    RoundEnded,
    RunResumed,
)
from simctl.store.duck import DuckLog
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog

Say = Callable[..., Draft]
Append = Callable[..., list[Event]]


@pytest.fixture
def say() -> Say:
    """Make a draft."""

    def make(
        pseq: int, producer: str = "society", message: AnyMessage | None = None, **envelope: object
    ) -> Draft:
        said = message or RunResumed(incarnation=pseq)
        fields = {"epoch": 0, "sender": producer, **envelope}
        return Draft(producer=producer, pseq=pseq, message=said, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def speech() -> Utterance:
    """Give what a model was shown and said."""
    return Utterance(prompt_tokens=(1, 2, 3), tokens=(4, 5), logprobs=(-0.5, -0.25))


@pytest.fixture
def append() -> Append:
    """Append and wait."""

    def wait(log: EventLog, drafts: Sequence[Draft]) -> list[Event]:
        return asyncio.run(log.append(drafts))  # type: ignore[arg-type]

    return wait


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Give an empty run directory."""
    directory = tmp_path / "run-a"
    directory.mkdir()
    return directory


@pytest.fixture
def duck(run_dir: Path) -> Iterator[DuckLog]:
    """Give an empty log in a file."""
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        yield log


@pytest.fixture(params=["duck", "list"])
def log(request: pytest.FixtureRequest) -> EventLog:
    """Give an empty log of each kind."""
    found: EventLog = request.getfixturevalue("duck") if request.param == "duck" else ListLog()
    return found


@pytest.fixture
def round_ended() -> Callable[[int], RoundEnded]:
    """Make the end of a round."""
    return lambda episodes: RoundEnded(episodes=episodes)
