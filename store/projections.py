"""Projections: the views of a log, checked against the events that they show."""

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from simctl.bus.messages import kinds
from simctl.store.errors import QueryError
from simctl.store.findings import COPY, Finding, damaged

_REMEDY = "open the log once with this version of simctl: it makes the views anew"
_KINDS = (
    "SELECT kind, schema, count(*) AS events FROM events WHERE seq <= {} GROUP BY ALL ORDER BY 1"
)
_VIEWS = "SELECT view_name AS name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
_SOURCES = """
SELECT seq, version FROM batch_built
WHERE list_max(sources) >= seq OR list_min(sources) < 1 ORDER BY seq LIMIT 1
"""


class Log(Protocol):
    """A log that answers."""

    @property
    def last_seq(self) -> int:
        """The seq of its last event."""
        ...

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one statement."""
        ...


def check(log: Log) -> Iterator[Finding]:
    """Give what is found of the views."""
    for name, look in (("kinds", _kinds), ("views", _views), ("lineage", _lineage)):
        try:
            yield look(log)
        except QueryError as error:
            yield Finding(name, f"could not be asked: {error}", "unknown")


def _kinds(log: Log) -> Finding:
    """Compare the rows of each typed view with the events of its kind, field by field."""
    last, known, unknown, shown = log.last_seq, kinds(), 0, 0
    for row in log.query(_KINDS.format(last)).to_pylist():
        cls = known.get(row["kind"])
        if cls is None or cls.schema_version != row["schema"]:
            unknown += row["events"]
            continue
        fields = [
            name for name, info in cls.model_fields.items() if info.is_required() and name != "kind"
        ]
        empty = " OR ".join(f'v."{name}" IS NULL' for name in fields) or "false"
        [found] = log.query(
            f'SELECT count(*) AS rows, count(*) FILTER ({empty}) AS empty FROM "{row["kind"]}" v'  # noqa: S608
            f" JOIN events e USING (seq) WHERE e.schema = {row['schema']} AND seq <= {last}"
        ).to_pylist()
        if found["rows"] != row["events"] or found["empty"]:
            text = f"{row['kind']} shows {found['rows'] - found['empty']} of {row['events']} events"
            return damaged("kinds", text, remedy=_REMEDY)
        shown += 1
    others = f"; {unknown} events of kinds or schemas of other versions" if unknown else ""
    return Finding("kinds", f"{shown}, each view shows all its events{others}")


def _views(log: Log) -> Finding:
    """Ask every view for a row."""
    names = [row["name"] for row in log.query(_VIEWS).to_pylist()]
    friendly = [name for name in names if name not in kinds()]
    for name in friendly:
        try:
            log.query(f'SELECT * FROM "{name}" LIMIT 1')  # noqa: S608
        except QueryError as error:
            return Finding("views", f"{name} does not answer: {error}", "unknown", remedy=_REMEDY)
    return Finding("views", f"{', '.join(friendly)}: each answers")


def _lineage(log: Log) -> Finding:
    """Look whether every batch was built from events before it."""
    for row in log.query(_SOURCES).to_pylist():
        text = f"the batch of version {row['version']} names sources that are not before it"
        return damaged("lineage", text, row["seq"], COPY)
    [row] = log.query(
        "SELECT count(*) AS n, sum(len(sources))::BIGINT AS s FROM batch_built"
    ).to_pylist()
    return Finding(
        "lineage", f"{row['n']} batches, built from {row['s'] or 0:,} events before them"
    )
