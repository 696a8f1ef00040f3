"""simctl report and run --report-to: what can be said wrong, before anything runs."""

import sys
from pathlib import Path

import pytest
from calls import Command
from loaded import loaded_after

HEAVY = ["tensorboard", "wandb", "trackio", "opentelemetry", "torch"]


@pytest.mark.parametrize("words", [("report", "told-001", "--to"), ("run", "--report-to")])
def test_a_tool_that_is_none_is_refused_by_name(simctl: Command, words: tuple[str, ...]):
    said = simctl(*words, "tensorbord")
    known = "tensorboard, wandb, trackio or opentelemetry"
    told = f"error: 'tensorbord' is no tool to report to; it must be {known}\n"
    assert (said.code, said.err) == (2, told)


@pytest.mark.parametrize(
    ("tool", "module"),
    [("tensorboard", "tensorboard"), ("wandb", "wandb"), ("opentelemetry", "opentelemetry")],
)
def test_a_tool_that_is_not_installed_is_told_before_a_run_begins(
    simctl: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tool: str, module: str
):
    for name in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # as import finds what is not there
    said = simctl("run", "--report-to", tool, "--run-dir", tmp_path / "run")
    assert said.code == 2
    assert f"pip install 'simctl[{tool}]'" in said.err
    assert not (tmp_path / "run").exists()


def test_report_needs_a_tool(simctl: Command):
    said = simctl("report", "told-001", "--to", "none")
    assert (said.code, said.err) == (2, "error: --to names no tool\n")


def test_an_endpoint_is_for_a_collector(simctl: Command):
    said = simctl("report", "told-001", "--to", "tensorboard", "--endpoint", "http://c:1")
    assert (said.code, said.err) == (2, "error: --endpoint is for --to opentelemetry\n")


def test_of_each_tool_it_is_said_how_to_look_at_it(simctl: Command):
    said = simctl("report", "told-001", "--to", "tensorboard")
    assert (said.code, said.err) == (0, "")
    assert "tensorboard --logdir runs/told-001" in said.out


def test_a_tool_that_fails_is_told_and_the_others_have_all(
    simctl: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    said = simctl(
        "report", "told-001", "--to", "opentelemetry,tensorboard",
        "--endpoint", "http://127.0.0.1:9",
    )  # fmt: skip
    assert said.code == 1
    assert "warning: opentelemetry was not told all: NotTakenError" in said.err
    assert "tensorboard --logdir" in said.out
    assert "opentelemetry" not in said.out


def test_help_loads_no_tool():
    asked = "from simctl.cli.main import app"
    assert loaded_after(asked, HEAVY) == []
