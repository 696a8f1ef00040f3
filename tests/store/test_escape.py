"""A query can do nothing but answer: a corpus of what was tried (P12)."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from simctl.bus.event import Draft, Event
from simctl.bus.messages import RunResumed
from simctl.store.duck import DuckLog
from simctl.store.errors import QueryError
from simctl.store.query import Limits

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_CROSS_JOIN = (
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range ^ b.range) = 3"
)


def _corpus() -> list[tuple[str, str]]:
    text = Path(__file__).with_name("escapes.sql").read_text(encoding="utf-8")
    [_, *blocks] = re.split(r"^--- (.*)\n", text, flags=re.MULTILINE)
    return list(zip(blocks[::2], (sql.removesuffix("\n\n") for sql in blocks[1::2]), strict=True))


CORPUS = _corpus()


def _log(place: Path, seconds: float) -> DuckLog:
    (place / "data.csv").write_text("a,b\n1,2\n")
    limits = Limits(seconds=seconds, memory=400_000_000)
    log = DuckLog(place / "log.duckdb", run="run-a", limits=limits)
    said = [
        Draft("society", 0, number, RunResumed(incarnation=number), "society")
        for number in range(5)
    ]
    log.submit(said).result()
    return log


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLog]:
    with _log(tmp_path_factory.mktemp("patient"), 600) as log:
        yield log


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLog]:
    with _log(tmp_path_factory.mktemp("brief"), 0.3) as log:
        yield log


def _files(place: Path) -> dict[str, str]:
    """Every file of the directory with the hash of its bytes."""
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() if each.is_file() else "directory"
        for each in place.rglob("*")
    }


def _ask(log: DuckLog, sql: str) -> str:
    sql = sql.replace("{log}", str(log.path)).replace("{dir}", str(log.path.parent))
    try:
        return f"answered {log.query(sql).num_rows}"
    except QueryError as error:
        return "stopped" if str(error).startswith("stopped after") else "refused"


@pytest.mark.parametrize(("outcome", "sql"), CORPUS, ids=[sql[:60] for _, sql in CORPUS])
def test_a_query_answers_or_is_refused_and_leaves_no_trace(
    patient: DuckLog, brief: DuckLog, outcome: str, sql: str
):
    asked = brief if outcome == "stopped" else patient
    secret = pa.table({"a": [1]})  # a Python variable that no query may see
    before = _files(asked.path.parent)
    assert _ask(asked, sql) == outcome
    assert _files(asked.path.parent) == before
    assert [event.seq for event in asked.read()] == [1, 2, 3, 4, 5]
    assert secret.num_rows == 1


def test_the_corpus_holds_what_once_escaped():
    assert sum(outcome == "refused" for outcome, _ in CORPUS) > 100


def test_an_append_goes_through_while_a_query_runs(run_dir: Path, append: Append, say: Say):
    with DuckLog(run_dir / "log.duckdb", run="run-a", limits=Limits(seconds=600)) as log:
        asking = threading.Thread(target=_ask, args=(log, _CROSS_JOIN))
        asking.start()
        for number in range(20):
            append(log, [say(number)])
        assert asking.is_alive()
        log.close()
        asking.join()
