"""TensorBoard: what its own reader finds in the files of a run."""

import html
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import measured
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from simctl.bus.event import Draft
from simctl.cli.report.readings import Reading, Readings
from simctl.cli.report.report import report
from simctl.cli.report.sayings import Saying
from simctl.cli.report.spending import Spent
from simctl.cli.report.tensorboard import markdown
from simctl.store.access import open_log


def tell(path: Path) -> int:
    return report(str(path), ["tensorboard"], None, path.parent)


def board(path: Path) -> EventAccumulator:
    everything = {"scalars": 0, "tensors": 0}
    found = EventAccumulator(str(path / "tensorboard"), size_guidance=everything)
    found.Reload()
    return found


def shown(path: Path) -> dict[str, list[tuple[int, float]]]:
    found = board(path)
    return {
        tag: [(each.step, each.value) for each in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def told(path: Path) -> list[Reading]:
    readings = Readings(str)
    with open_log(path) as log:
        return [each for event in log.read() for each in readings.hear(event)]


def wanted(path: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for reading in told(path):
        spent = asdict(reading.spent) if reading.kind == "round_ended" else {}
        for name, value in {**reading.scalars, **spent}.items():
            found.setdefault(name, []).append((reading.step, pytest.approx(value)))
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was reported."""
    run_dir = measured.write(tmp_path_factory.mktemp("runs") / "told-001")
    assert tell(run_dir) == 0
    return run_dir


def test_every_reading_is_there_once_at_its_step(path: Path):
    assert shown(path) == wanted(path)


def test_a_point_has_the_time_of_its_event(path: Path):
    walls = [each.wall_us / 1e6 for each in told(path) if "loss" in each.scalars]
    assert [each.wall_time for each in board(path).Scalars("loss")] == walls


def test_answers_and_alarms_and_the_recipe_can_be_read(path: Path):
    found = board(path)
    texts = {
        tag: found.Tensors(tag)[0].tensor_proto.string_val[0].decode()
        for tag in ("completions", "alarms", "recipe")
    }
    assert "| solver |" in texts["completions"]
    assert measured.ALARM in texts["alarms"]
    assert "[trainer]" in texts["recipe"]


@pytest.mark.parametrize("said", ["2f-5g*8h*3i+1", "a|b_c_d", "<b>x</b> & [y](z)", "`#1. \\n`"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what TensorBoard shows texts with
def test_an_answer_is_shown_as_it_was_said(said: str):
    from tensorboard.plugin_util import markdown_to_safe_html  # noqa: PLC0415 - it warns

    saying = Saying(1, "solver", said, "k=3", 1.0, "", 7)
    table = markdown(Reading(1, 7, "round_ended", 0, Spent(), {}, sayings=(saying,)))
    shown = html.unescape(markdown_to_safe_html(table))
    assert f"<td>{said}</td>" in shown


def test_the_recipe_is_there_as_hyperparameters(path: Path):
    content = board(path).SummaryMetadata("_hparams_/session_start_info").plugin_data
    assert content.plugin_name == "hparams"
    assert b"trainer.learning_rate" in content.content


@pytest.mark.parametrize("keep", [measured.before_round(2), lambda _: True])
def test_what_goes_on_is_added_and_nothing_is_doubled(
    tmp_path: Path, keep: Callable[[Draft], bool]
):
    run_dir = measured.write(tmp_path / "told", keep)
    tell(run_dir)
    measured.go_on(run_dir)
    tell(run_dir)
    tell(run_dir)
    assert shown(run_dir) == wanted(run_dir)


def test_a_file_whose_writer_was_killed_is_gone_on_with(tmp_path: Path):
    run_dir = measured.write(tmp_path / "told", measured.before_round(3))
    tell(run_dir)
    [file] = (run_dir / "tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[:-30])
    measured.go_on(run_dir)
    tell(run_dir)
    assert shown(run_dir) == wanted(run_dir)
