"""Traces: folds events into spans, and gives those of an episode once it has ended."""

from collections.abc import Iterable
from itertools import chain

from simctl.bus.answers import RoleFailed
from simctl.bus.asks import Ask
from simctl.bus.event import Event
from simctl.bus.messages import BatchBuilt, EpisodeEnded, EpisodeStarted, PolicyUpdated
from simctl.cli.report.sayings import Reader
from simctl.cli.report.semantics import attributes, is_call, name
from simctl.cli.report.spans import Place, Places, Span, Trace

_ENDS_ROUND = frozenset({"round_started", "run_ended"})


class Traces:
    """Folds a log, heard from its beginning, into spans."""

    def __init__(self, run: str, read: Reader) -> None:
        """Name models after `run`, and read tokens with `read`."""
        self._run, self._read = run, read
        self._places = Places()
        self._episodes: dict[str, Trace] = {}  # that go on
        self._ended: dict[str, Place] = {}  # roots of the others, and of rounds
        self._round: Trace | None = None
        self._learnt: dict[int, tuple[int, ...]] = {}  # sources of the batch of a version

    def hear(self, event: Event) -> list[Span]:
        """Give the spans that are whole with an event."""
        if event.episode:
            return list(self._of_episode(event))
        if isinstance(event.message, BatchBuilt):
            self._learnt[event.message.version] = event.message.sources
        return list(chain(self._closed_round(event), self._of_round(event)))

    def _of_episode(self, event: Event) -> Iterable[Span]:
        trace = self._episodes.get(event.episode)
        if trace is None:
            root = self._ended.get(event.episode)
            if root is not None:  # somebody answers, or grades, when it is over
                return [self._span(event, root)]
            self._episodes[event.episode] = self._begun(event, event.episode)
            return ()
        root = trace.id, trace.root.id
        span = self._span(event, root, trace)
        trace.add(event.seq, span)
        if not isinstance(event.message, EpisodeEnded):
            return ()
        if event.message.outcome == "failed":
            trace.root.failure = event.message.detail
        del self._episodes[event.episode]
        self._ended[event.episode] = root
        return trace.spans.values()

    def _closed_round(self, event: Event) -> Iterable[Span]:
        if event.kind not in _ENDS_ROUND or self._round is None:
            return ()
        closed, self._round = self._round.root, None
        return [closed]

    def _of_round(self, event: Event) -> Iterable[Span]:
        title = f"round {event.round}"
        if event.kind == "round_started":
            self._round = self._begun(event, title)
            self._ended[title] = self._round.id, self._round.root.id
            return ()
        root = self._ended.get(title)
        if root is None:  # before the first round: what stands alone
            self._ended[title] = root = self._places.trace(event, title), 0
        span = self._span(event, root)
        if self._round is not None and self._round.id == root[0]:
            self._round.root.end_us = max(self._round.root.end_us, span.end_us)
        return [span]

    def _begun(self, event: Event, title: str) -> Trace:
        """Return the trace that an event begins, with itself as the root."""
        trace = self._places.trace(event, title)
        root = self._span(event, (trace, 0))
        begun = Trace(trace, root)
        begun.spans[event.seq] = root
        if isinstance(event.message, EpisodeStarted):
            root.name = f"episode {event.message.name}"
        return begun

    def _span(self, event: Event, root: Place, trace: Trace | None = None) -> Span:
        """Return the span of an event below its cause, or below the root of its trace.

        An ask lasts until its last answer, and all else since its cause.
        """
        place, asks = root[0], isinstance(event.message, Ask)
        cause = event.cause if event.cause is not None and event.cause in self._places else None
        inside = cause if cause is not None and self._places[cause][0] == place else None
        since = event.wall_us if asks or inside is None else self._places.said_us(inside)
        if trace is not None and inside in trace.spans and trace.spans[inside].asks:
            trace.spans[inside].end_us = max(trace.spans[inside].end_us, event.wall_us)
        return Span(
            name=name(event, self._run),
            trace=place,
            id=self._places.add(event, place),
            parent=self._places[inside][1] if inside is not None else root[1] or None,
            start_us=min(since, event.wall_us),
            end_us=event.wall_us,
            attributes=attributes(event, self._run, self._read),
            links=self._links(event, cause if inside is None else None),
            kind="client" if is_call(event) else "internal",
            failure=event.message.error if isinstance(event.message, RoleFailed) else "",
            asks=asks,
        )

    def _links(self, event: Event, cause: int | None) -> tuple[Place, ...]:
        """Return the places in other traces that an event comes from."""
        sources: tuple[int, ...] = ()
        if isinstance(event.message, PolicyUpdated):
            sources = self._learnt.pop(event.message.version, ())
        found = [seq for seq in (cause or 0, *sources) if seq in self._places]
        return tuple(dict.fromkeys(self._places[seq] for seq in found))
