"""A live run is reported beside it and from another shell, stopped, and gone on with."""

import json
import os
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wandb_file
from collector import Collector, said
from halt import Halt, learnt
from live import SIMCTL, SMALL, Live, finish, simctl, start, wait_for
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from simctl.cli.report.readings import Reading, Readings
from simctl.store.access import open_log

pytestmark = pytest.mark.slow
SETS = ["run.rounds=2", *SMALL[1:]]


@dataclass(frozen=True)
class Reported:
    """A finished run, what it printed, and what a collector was told afterwards."""

    path: Path
    said: str
    collector: Collector

    def readings(self) -> list[Reading]:
        readings = Readings(str)
        with open_log(self.path) as log:
            return [each for event in log.read() for each in readings.hear(event)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    place = tmp_path_factory.mktemp("runs")
    run_dir, pipe = place / "told", subprocess.PIPE
    tools = ["--report-to", "wandb,trackio", "--report-to", "opentelemetry"]
    amid = Halt(place / "halted", learnt(1))
    env = {
        **amid.environment,
        "TRACKIO_DIR": str(place / "trackio"),
        "WANDB_MODE": "offline",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",  # where nobody listens
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.2",
    }
    board = [SIMCTL, "report", run_dir, "--to", "tensorboard"]
    with amid, start(run_dir, "grpo", SETS, tools, env=env) as run:
        amid.wait()
        with Live(board, text=True, stdout=pipe, stderr=pipe) as follower:
            wait_for((run_dir / "tensorboard").exists)
            run.send_signal(signal.SIGINT)
            amid.go_on()
            run.communicate(timeout=600)
            assert follower.wait(240) == 0
    with start(run_dir, words=tools, env=env) as run:
        printed = finish(run)
    assert simctl(*board[1:]).returncode == 0
    with pytest.MonkeyPatch.context() as patch, Collector() as collector:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        assert simctl("report", run_dir, "--to", "opentelemetry").returncode == 0
    return Reported(run_dir, printed, collector)


def test_it_was_interrupted_and_gone_on_with(told: Reported):
    with open_log(told.path) as log:
        ends = log.query("SELECT reason FROM run_ended ORDER BY seq").to_pylist()
    assert [row["reason"] for row in ends] == ["interrupted", "finished"]


def test_a_tool_that_fails_is_told_once_and_the_run_finishes(told: Reported):
    assert told.said.count("! opentelemetry was not told all: NotTakenError") == 1
    assert told.said.count("warning: opentelemetry was not told all: NotTakenError") == 1
    assert f"to catch up: simctl report {told.path} --to opentelemetry\n" in told.said


def test_wandb_has_every_reading_once(told: Reported):
    rows = wandb_file.rows(told.path)
    readings = told.readings()
    assert [(row["step"], row["seq"]) for row in rows] == [(r.step, r.seq) for r in readings]
    assert [row["_step"] for row in rows] == list(range(len(rows)))
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses == [each.scalars["loss"] for each in readings if "loss" in each.scalars]


def test_wandb_has_the_recipe_and_a_table_of_answers(told: Reported):
    assert wandb_file.config(told.path)["name"] == "grpo"
    tables = list(told.path.glob("wandb/offline-run-*/files/media/table/completions_*"))
    assert len(tables) == 2


def trackio_rows(path: Path) -> list[dict[str, Any]]:
    code = (
        "import json; from trackio.sqlite_storage import SQLiteStorage as S; "
        "print(json.dumps(S.get_logs('simctl', 'told'), default=str))"
    )
    env = {**os.environ, "TRACKIO_DIR": str(path.parent / "trackio")}
    done = subprocess.run(
        [SIMCTL.with_name("python"), "-c", code],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def test_trackio_has_every_reading_once(told: Reported):
    rows = sorted(trackio_rows(told.path), key=lambda row: row["seq"])
    assert [(row["step"], row["seq"]) for row in rows] == [(r.step, r.seq) for r in told.readings()]
    assert sum("completions" in row for row in rows) == 2


def test_tensorboard_has_every_reading_once(told: Reported):
    board = EventAccumulator(str(told.path / "tensorboard"), size_guidance={"tensors": 0})
    board.Reload()
    seqs = [each.tensor_proto.int64_val[0] for each in board.Tensors("simctl/seq")]
    assert seqs == [each.seq for each in told.readings()]
    rewards = [(each.step, each.value) for each in board.Scalars("reward")]
    wanted = [(r.step, r.scalars["reward"]) for r in told.readings() if "reward" in r.scalars]
    assert rewards == [(step, pytest.approx(value)) for step, value in wanted]


def test_a_collector_that_comes_later_has_every_episode(told: Reported):
    names = Counter(each.name for each in told.collector.spans.values())
    assert names["episode solve"] == 8
    assert len(told.collector.sent) == len(told.collector.spans)
    assert said(told.collector.sent[0].attributes)["simctl.seq"]
