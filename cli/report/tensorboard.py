"""TensorBoard: event files in a run's directory, as `tensorboard --logdir runs` finds them."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text import metadata as text
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from simctl.cli.recipe import dump
from simctl.cli.report.charts import configuration, flat
from simctl.cli.report.readings import Reading
from simctl.cli.report.sayings import COLUMNS, rows
from simctl.cli.report.subject import Subject

FOLDER = "tensorboard"
SEQ = "simctl/seq"  # a tensor that no page shows: float32 cannot count the events of a long log
# the classes of protocol buffers are made when they are imported, where no checker sees them
_EVENT: Any = event_pb2
_SUMMARY: Any = summary_pb2
_TENSOR: Any = tensor_pb2
_SHAPE: Any = tensor_shape_pb2
_TYPES: Any = types_pb2
_SIGNS = re.compile(r"[\\`*_{}\[\]()>#+.!|-]")  # what Markdown takes for its own
_FILES = "events.out.tfevents.*"


class TensorBoard:
    """Writes one record a reading. What files have it knows from the files themselves."""

    def __init__(self, subject: Subject) -> None:
        """Go on in the directory of a run."""
        self._subject = subject
        self._folder = subject.path / FOLDER
        self.last = max(map(_seq, _records(self._folder)), default=0)
        self._opened: Any = None  # the file of this process, which it needs not have

    def write(self, reading: Reading) -> None:
        """Write a reading, at the step and the time of its event."""
        # here they are no axes, so once a round is enough
        spent = asdict(reading.spent) if reading.kind == "round_ended" else {}
        numbers = {**reading.scalars, **spent}
        values = [_SUMMARY.Summary.Value(tag=k, simple_value=v) for k, v in numbers.items()]
        values.append(_number(SEQ, reading.seq))
        if reading.alarm:
            values.append(_text("alarms", reading.alarm))
        if reading.sayings:
            values.append(_text("completions", markdown(reading)))
        writer = self._writer(reading.wall_us / 1e6)
        writer.add_event(
            _EVENT.Event(
                wall_time=reading.wall_us / 1e6,
                step=reading.step,
                summary=_SUMMARY.Summary(value=values),
            )
        )
        writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()

    def _writer(self, now: float) -> Any:
        if self._opened is None:
            self._opened = EventFileWriter(str(self._folder))
            if not self.last:
                begun = _EVENT.Event(wall_time=now, summary=_hparams(self._subject, now))
                recipe = f"```toml\n{dump(self._subject.recipe)}```"
                begun.summary.value.append(_text("recipe", recipe))
                self._opened.add_event(begun)
        return self._opened


def _records(folder: Path) -> Iterator[Any]:
    """Give the records of all files; of one whose writer was killed those that are whole."""
    for file in sorted(folder.glob(_FILES)):
        yield from LegacyEventFileLoader(str(file)).Load()


def _seq(record: Any) -> int:
    found = [value.tensor.int64_val[0] for value in record.summary.value if value.tag == SEQ]
    return int(max(found, default=0))


def _number(tag: str, number: int) -> Any:
    tensor = _TENSOR.TensorProto(
        dtype=_TYPES.DT_INT64,
        tensor_shape=_SHAPE.TensorShapeProto(),
        int64_val=[number],
    )
    return _SUMMARY.Summary.Value(tag=tag, tensor=tensor)


def _text(tag: str, words: str) -> Any:
    tensor = _TENSOR.TensorProto(
        dtype=_TYPES.DT_STRING,
        tensor_shape=_SHAPE.TensorShapeProto(),
        string_val=[words.encode()],
    )
    shown = text.create_summary_metadata(tag, "")
    return _SUMMARY.Summary.Value(tag=tag, tensor=tensor, metadata=shown)


def _hparams(subject: Subject, began: float) -> Any:
    known = flat(configuration(subject.recipe))
    return hparams_pb(known, trial_id=subject.name, start_time_secs=began)


def markdown(reading: Reading) -> str:
    """Return the answers as a table, which the page of texts shows."""
    head = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"
    return head + "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in rows(reading.sayings))


def _cell(value: object) -> str:
    """Return what shows as the value itself, whatever signs are in it."""
    if value is None:
        return ""
    line = " ".join(str(value).split("\n")).replace("&", "&amp;").replace("<", "&lt;")
    return _SIGNS.sub(r"\\\g<0>", line)
