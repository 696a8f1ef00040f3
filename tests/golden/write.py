"""Writes what is golden and not there yet: `python tests/golden/write.py`. It overwrites nothing.

A sample and a schema for each (kind, schema) of messages; and, for this version of simctl, a told
log with what it must give when it is read. They stay for ever: old logs must stay readable.
"""

import gzip
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import told  # noqa: E402 - found beside this folder

import simctl  # noqa: E402
from simctl.bus.messages import kinds  # noqa: E402
from simctl.bus.values import canonical  # noqa: E402
from simctl.cli.recipe import load  # noqa: E402
from simctl.cli.state import fold  # noqa: E402
from simctl.store.finished import FinishedLog  # noqa: E402

QUERIES = (
    "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind",
    "SELECT attempt, task, problem, solution, reward FROM attempts ORDER BY attempt",
    "SELECT version, suite, score_name, score FROM learning_curve ORDER BY ALL",
    "SELECT round, episodes, failed, sampled_tokens, mean_reward FROM rounds ORDER BY round",
)


def sample(annotation: Any, name: str) -> Any:
    """Return a value of a field's type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, Union, tuple):
        value = sample(arguments[0], name)
        return [value, value] if origin is tuple else value
    if origin is dict:
        return {"b": sample(arguments[1], name), "a": sample(arguments[1], name)}
    if origin is Literal:
        return arguments[-1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        return {each: sample(info.annotation, each) for each, info in fields.items()}
    return {str: f"{name} \u00fc \n", int: 7, float: 0.25, bool: True}[annotation]


def write(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")


def expected(path: Path) -> dict[str, Any]:
    """Return what a log gives when it is read."""
    with FinishedLog(path) as log:
        events = list(log.read())
        answers = {sql: log.query(sql).to_pylist(maps_as_pydicts="strict") for sql in QUERIES}
    state = fold(events, load("society", [])).hash
    return {"chain": [event.hash for event in events], "state": state, "answers": answers}


def main() -> None:
    for kind, cls in kinds().items():
        name = f"{kind}.{cls.schema_version}.json"
        write(HERE / "messages" / name, canonical(cls.model_validate(sample(cls, kind))))
        schema = json.dumps(cls.model_json_schema(), indent=1, sort_keys=True)
        write(HERE / "schemas" / name, schema)
    place = HERE / "logs" / simctl.__version__
    if not place.exists():
        with tempfile.TemporaryDirectory() as directory:
            run = told.write(Path(directory) / "told", load("society", []))
            log = run / "log.duckdb"
            place.mkdir(parents=True)
            (place / "told.duckdb.gz").write_bytes(gzip.compress(log.read_bytes(), mtime=0))
            write(place / "told.json", json.dumps(expected(log), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
