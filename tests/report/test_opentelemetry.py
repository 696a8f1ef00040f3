"""OpenTelemetry: what a collector has of a run."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import measured
import pytest
from collector import Collector, said
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from simctl.bus.event import Event
from simctl.cli.report.opentelemetry import where
from simctl.cli.report.report import report
from simctl.store.access import open_log


def tell(path: Path, collector: Collector) -> int:
    return report(str(path), ["opentelemetry"], collector.url, path.parent)


def by_seq(collector: Collector) -> dict[int, Span]:
    return {int(str(said(each.attributes)["simctl.seq"])): each for each in collector.sent}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measured.write(tmp_path_factory.mktemp("runs") / "told-001")


@pytest.fixture(scope="module")
def collector(path: Path) -> Iterator[Collector]:
    """A collector that was told a finished run."""
    with Collector() as started:
        assert tell(path, started) == 0
        yield started


@pytest.fixture(scope="module")
def events(path: Path) -> list[Event]:
    with open_log(path) as log:
        return list(log.read())


def test_every_event_is_one_span(collector: Collector, events: list[Event]):
    assert sorted(by_seq(collector)) == [event.seq for event in events]
    assert len(collector.sent) == len(collector.spans) == len(events)


def test_an_episode_is_a_trace(collector: Collector, events: list[Event]):
    spans = by_seq(collector)
    episodes = Counter((event.episode, spans[event.seq].trace_id) for event in events)
    named = [place for place in episodes if place[0]]
    assert len({episode for episode, _ in named}) == len({trace for _, trace in named}) == 6


def test_the_parent_of_a_span_is_what_caused_it(collector: Collector, events: list[Event]):
    spans = by_seq(collector)
    for event in events:
        if event.episode and event.cause is not None:
            assert spans[event.seq].parent_span_id == spans[event.cause].span_id


def test_what_nothing_caused_is_below_its_episode(collector: Collector, events: list[Event]):
    spans = by_seq(collector)
    roots = {e.episode: spans[e.seq] for e in events if e.kind == "episode_started"}
    for event in events:
        if event.episode and event.cause is None and event.kind != "episode_started":
            assert spans[event.seq].parent_span_id == roots[event.episode].span_id
    assert all(root.name == "episode seminar" for root in roots.values())


def test_an_ask_lasts_until_its_last_answer(collector: Collector, events: list[Event]):
    spans = by_seq(collector)
    asks = [event for event in events if event.kind == "solve_task"]
    for ask in asks:
        answers = [spans[event.seq] for event in events if event.cause == ask.seq]
        assert spans[ask.seq].end_time_unix_nano == max(a.end_time_unix_nano for a in answers)
        assert spans[ask.seq].name == "invoke_agent solver"


def test_an_answer_has_the_names_of_the_conventions(collector: Collector, events: list[Event]):
    [first, *_] = [event for event in events if event.kind == "attempt_made"]
    span = by_seq(collector)[first.seq]
    found = said(span.attributes)
    assert (span.name, span.kind) == ("text_completion told-001", Span.SPAN_KIND_CLIENT)
    assert found["gen_ai.operation.name"] == "text_completion"
    assert found["gen_ai.agent.name"] == "solver"
    assert found["gen_ai.response.model"] == "told-001/v000000"
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (12, 16)
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert '"role": "user"' in str(found["gen_ai.input.messages"])


def test_an_update_is_linked_to_what_it_learnt_from(collector: Collector, events: list[Event]):
    spans = by_seq(collector)
    updates = [spans[event.seq] for event in events if event.kind == "policy_updated"]
    source = spans[10]
    places = {(link.trace_id, link.span_id) for update in updates for link in update.links}
    assert places == {(source.trace_id, source.span_id)}
    assert [update.name for update in updates] == ["train v1", "train v2", "train v3"]


def test_no_span_lacks_its_parent(collector: Collector):
    orphans = [
        each.name
        for each in collector.sent
        if each.parent_span_id and each.parent_span_id not in collector.spans
    ]
    assert orphans == []


def test_the_same_collector_is_told_nothing_twice(path: Path, collector: Collector):
    before = len(collector.sent)
    tell(path, collector)
    assert len(collector.sent) == before


def test_another_collector_is_told_all_under_the_same_ids(path: Path, collector: Collector):
    with Collector() as other:
        tell(path, other)
    assert other.spans.keys() == collector.spans.keys()


def test_what_has_not_ended_is_told_when_it_has(tmp_path: Path):
    broken = measured.write(tmp_path / "told", lambda draft: draft.message.kind != "round_ended")
    with Collector() as collector:
        tell(broken, collector)
        early = len(collector.sent)
        measured.go_on(broken)
        tell(broken, collector)
    assert 0 < early < len(collector.sent) == len(collector.spans)
    with open_log(broken) as log:
        assert sorted(by_seq(collector)) == list(range(1, log.last_seq + 1))


def test_a_collector_that_refuses_is_told_again_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run_dir = measured.write(tmp_path / "told")
    with Collector() as collector:
        collector.refuses = True
        assert tell(run_dir, collector) == 1
        assert "warning: opentelemetry was not told all: NotTakenError" in capsys.readouterr().err
        collector.refuses = False
        assert tell(run_dir, collector) == 0
    assert len(collector.spans) == max(by_seq(collector))


@pytest.mark.parametrize(
    ("endpoint", "environment", "address"),
    [
        (None, {}, "http://localhost:4318/v1/traces"),
        ("http://c:1/", {}, "http://c:1/v1/traces"),
        ("http://c:1/v1/traces", {}, "http://c:1/v1/traces"),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:2"}, "http://c:2/v1/traces"),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:3/in"}, "http://c:3/in"),
        (
            "http://c:1",
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:3"},
            "http://c:1/v1/traces",
        ),
    ],
)
def test_where_spans_go_is_said_as_everywhere(
    endpoint: str | None, environment: dict[str, str], address: str
):
    assert where(endpoint, environment) == address
