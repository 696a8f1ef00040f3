"""OpenTelemetry: a log's traces, sent to a collector over HTTP (OTLP)."""

import os
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import simctl
from simctl.bus.event import Event
from simctl.cli.report.spans import Place, Span
from simctl.cli.report.subject import Subject, Told
from simctl.cli.report.traces import Traces

TOOL = "opentelemetry"
_TOGETHER = 256  # spans of a request
_PATH, _LOCAL = "/v1/traces", "http://localhost:4318"
_PAUSES = frozenset({"round_ended", "policy_synced"})  # then nothing is held back
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class NotTakenError(Exception):
    """A collector did not take spans."""


class OpenTelemetry:
    """Sends each span once it is whole."""

    def __init__(self, subject: Subject, endpoint: str | None = None) -> None:
        """Send to `endpoint`, or to where the variables of OpenTelemetry say."""
        self._where = where(endpoint, os.environ)
        self._exporter: SpanExporter = OTLPSpanExporter(endpoint=self._where)
        told = subject.told(TOOL)
        self._told = told if told.id == self._where else Told(id=self._where)
        self._subject = subject
        self._traces = Traces(subject.name, subject.read)
        self._waiting: list[Span] = []
        self._heard = 0
        self._resource = Resource.create(
            {
                "service.name": "simctl",
                "service.instance.id": subject.name,
                "service.version": simctl.__version__,
                "simctl.run": subject.name,
                "simctl.recipe": subject.recipe.name,
                "simctl.seed": subject.recipe.seed,
            }
        )
        self._scope = InstrumentationScope("simctl", simctl.__version__)

    def hear(self, event: Event) -> None:
        """Take in an event; the log is heard from its beginning.

        Raises:
            NotTakenError: the collector is not there, or refuses.
        """
        whole = self._traces.hear(event)
        self._heard = event.seq
        if event.seq > self._told.seq:
            self._waiting += whole
            if len(self._waiting) >= _TOGETHER or event.kind in _PAUSES:
                self._send()

    def close(self) -> None:
        """Send what is left. What has not ended is sent when it has."""
        self._send()
        self._exporter.shutdown()

    def _send(self) -> None:
        for begin in range(0, len(self._waiting), _TOGETHER):
            spans = [self._readable(each) for each in self._waiting[begin : begin + _TOGETHER]]
            if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
                raise NotTakenError(f"{self._where} did not take {len(self._waiting)} spans")
        self._waiting = []
        if self._heard > self._told.seq:
            self._told = self._told.model_copy(update={"seq": self._heard})
            self._subject.tell(TOOL, self._told)

    def _readable(self, span: Span) -> ReadableSpan:
        failed = Status(StatusCode.ERROR, span.failure) if span.failure else Status()
        return ReadableSpan(
            name=span.name,
            context=_context((span.trace, span.id)),
            parent=None if span.parent is None else _context((span.trace, span.parent)),
            resource=self._resource,
            attributes=dict(span.attributes),
            links=[Link(_context(place)) for place in span.links],
            kind=SpanKind.CLIENT if span.kind == "client" else SpanKind.INTERNAL,
            status=failed,
            start_time=span.start_us * 1000,
            end_time=span.end_us * 1000,
            instrumentation_scope=self._scope,
        )


def where(endpoint: str | None, environment: Mapping[str, str]) -> str:
    """Return the address that spans are sent to."""
    traces = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if endpoint is None and traces:
        return traces
    base = endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _LOCAL
    return base.rstrip("/").removesuffix(_PATH) + _PATH


def _context(place: Place) -> SpanContext:
    return SpanContext(place[0], place[1], is_remote=False, trace_flags=_SAMPLED)
