"""The file of a dataset, written as the rows come."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simctl.cli.export.choices import File
from simctl.cli.export.forms import Row

_TOGETHER = 4096  # rows: a group of a Parquet file


def write(place: Path, file: File, schema: pa.Schema, rounds: Iterable[Sequence[Row]]) -> int:
    """Write the rows of each round to `place`; return how many there were."""
    count = 0
    if file == "parquet":
        with pq.ParquetWriter(place, schema) as groups:
            for table in _tables(schema, rounds):
                groups.write_table(table)
                count += table.num_rows
        return count
    with place.open("w", encoding="utf-8") as lines:
        for table in _tables(schema, rounds):
            lines.writelines(
                json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()
            )
            count += table.num_rows
    return count


def _tables(schema: pa.Schema, rounds: Iterable[Sequence[Row]]) -> Iterator[pa.Table]:
    waiting: list[Row] = []
    for rows in rounds:
        waiting += rows
        if len(waiting) >= _TOGETHER:
            yield pa.Table.from_pylist(waiting, schema)
            waiting = []
    if waiting:
        yield pa.Table.from_pylist(waiting, schema)
