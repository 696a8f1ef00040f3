"""What W&B has in its offline files: the protocol buffers of its own package, in LevelDB's log."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

_HEAD = 7  # bytes of a file's, and of a fragment's
_BLOCK = 32_768
_WHOLE, _LAST = 1, 4  # kinds of fragments with which a record ends


def records(file: Path) -> Iterator[Any]:
    """Give the records of a file."""
    data = file.read_bytes()
    assert data[:4] == b":W&B"
    at, record = _HEAD, b""
    while at + _HEAD <= len(data):
        if _BLOCK - at % _BLOCK < _HEAD:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        at += _HEAD
        record += data[at : at + length]
        at += length
        if kind in (_WHOLE, _LAST):
            yield Record.FromString(record)
            record = b""


def rows(run_dir: Path) -> list[dict[str, Any]]:
    """Return what was logged of a run, by all processes that logged it."""
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        for file in sorted(run_dir.glob("wandb/offline-run-*/*.wandb"))
        for row in (each.history for each in records(file) if each.HasField("history"))
    ]


def config(run_dir: Path) -> dict[str, Any]:
    """Return the configuration of a run."""
    file = min(run_dir.glob("wandb/offline-run-*/*.wandb"))
    begun = next(each.run for each in records(file) if each.HasField("run"))
    return {each.key: json.loads(each.value_json) for each in begun.config.update}
