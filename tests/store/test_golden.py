"""Old messages and old logs stay readable (P13): what is in tests/golden stays there for ever."""

import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import simctl
from simctl.bus.messages import (
    UnknownMessage,
    kinds,
)
from simctl.bus.upcast import read

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MESSAGES = sorted((GOLDEN / "messages").glob("*.json"))
LOGS = sorted((GOLDEN / "logs").glob("*/*.gz"))
TODAY = {f"{kind}.{cls.schema_version}": cls for kind, cls in kinds().items()}
WRITE = "write it once with `python tests/golden/write.py`, and never change it"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").removesuffix("\n")


def _writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_write", GOLDEN / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kind_has_a_golden_sample_and_a_golden_schema():
    for folder in ("messages", "schemas"):
        there = {path.stem for path in (GOLDEN / folder).glob("*.json")}
        assert set(TODAY) - there == set(), WRITE


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_message_of_any_time_is_read(path: Path):
    kind, schema = path.stem.split(".")
    message = read(kind, int(schema), _text(path))
    assert not isinstance(message, UnknownMessage)
    assert message.kind == kind


@pytest.mark.parametrize(
    "path", [path for path in MESSAGES if path.stem in TODAY], ids=lambda path: path.stem
)
def test_a_message_is_written_as_ever(path: Path):
    text = _text(path)
    message = TODAY[path.stem].model_validate_json(text)
    # a field that came later has a default, and is not in the sample
    fields = message.model_dump(mode="json", include=set(json.loads(text)))
    written = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert written == text


@pytest.mark.parametrize("name", TODAY)
def test_a_published_message_was_not_edited(name: str):
    golden = json.loads(_text(GOLDEN / "schemas" / f"{name}.json"))
    today = json.loads(json.dumps(TODAY[name].model_json_schema()))
    assert _shape(today, set(golden["properties"])) == _shape(golden), (
        f"{name} was edited: give it a new schema_version and an upcast"
    )
    added = set(today["properties"]) - set(golden["properties"])
    assert added.isdisjoint(today.get("required", [])), "a new field needs a default"


def _shape(schema: Any, only: set[str] | None = None) -> Any:
    """Return a JSON schema without its words; `only` some of its own properties."""
    if isinstance(schema, list):
        return [_shape(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _shape(each) for name, each in value.items() if only is None or name in only}
        if key == "properties"
        else _shape(value)
        for key, value in schema.items()
        if key not in {"description", "title"} or not isinstance(value, str)
    }


def test_this_version_has_a_golden_log():
    assert simctl.__version__ in {path.parent.name for path in LOGS}, WRITE


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_log_of_any_time_gives_what_it_gave(path: Path, tmp_path: Path):
    log = tmp_path / "log.duckdb"
    log.write_bytes(gzip.decompress(path.read_bytes()))
    wanted = json.loads(_text(path.with_name(f"{path.name.split('.')[0]}.json")))
    assert json.loads(json.dumps(_writer().expected(log))) == wanted
