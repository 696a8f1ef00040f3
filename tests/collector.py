"""An OTLP collector: a small HTTP server that keeps the spans which it is sent."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Collects until its `with` ends."""

    def __init__(self) -> None:
        self.sent: list[Span] = []
        self.resources: list[dict[str, object]] = []
        self.refuses = False
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if collector.refuses or self.path != "/v1/traces":
                    self.send_error(400)
                    return
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for told in request.resource_spans:
            self.resources.append(said(told.resource.attributes))
            for scope in told.scope_spans:
                self.sent.extend(scope.spans)

    @property
    def spans(self) -> dict[bytes, Span]:
        """What a store of traces would have: one span an id."""
        return {span.span_id: span for span in self.sent}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def said(attributes: object) -> dict[str, object]:
    """Return the attributes of a span by name."""
    found: dict[str, object] = {}
    for each in attributes:
        value = getattr(each.value, each.value.WhichOneof("value"))
        found[each.key] = (
            [item.string_value for item in value.values] if hasattr(value, "values") else value
        )
    return found
