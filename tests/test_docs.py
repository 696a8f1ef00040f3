"""What docs/ shows works: every marked code block is run, as a reader would run it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page
import pytest

import simctl

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHOWN = sorted(
    each
    for each in DOCS.glob("*.md")
    if any(block.marked for block in page.blocks(each.read_text(encoding="utf-8")))
)


def run(shown: Path, place: Path, kept: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a page in an empty directory, with simctl on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, page.__file__, shown, *([kept] if kept else [])],
        cwd=place,
        env={**os.environ, "PATH": path, "HF_HOME": str(place / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are that several pages look at."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def cookbook(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the cookbook was run."""
    place = tmp_path_factory.mktemp("cookbook")
    done = run(DOCS / "cookbook.md", place, kept)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("shown", [each for each in SHOWN if each.stem != "cookbook"], ids=str)
def test_the_blocks_of_a_page_run_in_their_order(shown: Path, kept: Path, tmp_path: Path):
    done = run(shown, tmp_path, kept)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pages_are_found():
    assert {"concepts", "cookbook", "notebook", "tutorial"} <= {each.stem for each in SHOWN}


QUESTIONS = {
    int(number): text
    for number, text in re.findall(
        r"^### (\d+)\. (.*?)(?=^###? |\Z)",
        (DOCS / "cookbook.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}
Rows = list[dict[str, Any]]
# what must hold of the answer to a question's first SQL, whatever the dice of this machine
SENSE: dict[int, Callable[[Rows], bool]] = {
    1: lambda rows: all(row["posed"] < row["solved_in"] for row in rows),
    2: lambda rows: all(row["better"] + row["worse"] <= row["problems"] for row in rows),
    3: lambda rows: all(row["pass_1"] <= row["pass_4"] <= row["pass_8"] <= 1 for row in rows),
    4: lambda rows: len(rows) == 8 and all(row["always_solved"] <= row["posed"] for row in rows),
    5: lambda rows: all(0 < row["similarity"] <= 1 and row["like_round"] < 8 for row in rows),
    6: lambda rows: {row["new"] + row["extended"] + row["replayed"] for row in rows} == {16},
    7: lambda rows: {row["role"] for row in rows} >= {"critic", "examiner", "solver", "teacher"},
    8: lambda rows: all(0 <= row["solver"] <= 1 for row in rows),
    9: lambda rows: "grpo: zero variance" in {row["reason"] for row in rows},
    10: lambda rows: all(0 <= row["surprise"] < 4 and row["tokens"] > 0 for row in rows),
    11: lambda rows: all(0 <= row["recall"] <= 1 for row in rows),
    12: lambda rows: all(row["solution"] != "" and row["critique"] for row in rows),
    13: lambda rows: sum(row["by_a_wrong_step"] for row in rows) > 0,
    14: lambda rows: all(row["without"] == 0 <= row["with_hint"] for row in rows),
    15: lambda rows: all(row["student"] == 0 < row["teacher"] for row in rows),
    16: lambda rows: rows[0]["log_ratio"] > 0 and len(rows) == 5,
    17: lambda rows: [row["version"] for row in rows] == list(range(1, 9)),
    18: lambda rows: all(0 <= row["mean_difference"] < 1e-4 for row in rows),
    19: lambda rows: rows[-1]["accuracy"] > rows[0]["accuracy"] and rows[0]["spent_tokens"] == 0,
    20: lambda rows: rows[0]["problems"] >= rows[0]["posed_by_examiner"] > 0,
    21: lambda rows: {row["role"] for row in rows} == {row["producer"] for row in rows},
}


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("number", SENSE)
def test_the_answer_to_a_question_of_the_cookbook_makes_sense(number: int, cookbook: Path):
    sql = next(each.code for each in page.blocks(QUESTIONS[number]) if each.language == "sql")
    rows = simctl.open(cookbook / "runs" / "first").sql(sql).to_pylist()
    assert rows != []
    assert SENSE[number](rows)


def test_the_cookbook_answers_twenty_questions_and_more():
    assert list(QUESTIONS) == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) >= 20
    assert all(any(each.shown for each in page.blocks(text)) for text in QUESTIONS.values())


def test_the_gallery_is_what_the_recipes_say():
    made = subprocess.run(
        [sys.executable, DOCS / "gallery.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr or "run: python docs/gallery.py"


def test_no_block_of_a_page_that_is_run_is_left_out():
    left = {
        f"{each.name}:{block.line}"
        for each in SHOWN
        for block in page.blocks(each.read_text(encoding="utf-8"))
        if block.language in ("python", "sh", "sql") and not block.marked
    }
    assert left == set()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("python\nx = 1\nassert x == 2\n", 'page.md", line 6'),
        ("sh\nfalse | true\n", "page.md:5 (sh)"),
        ("toml\nseed = 1\n", "toml cannot be run"),
    ],
)
def test_a_block_that_fails_is_told_by_its_line(tmp_path: Path, code: str, told: str):
    shown = tmp_path / "page.md"
    shown.write_text(f"# A page\n\n<!-- run -->\n```{code}```\n")
    done = run(shown, tmp_path)
    assert done.returncode != 0
    assert told in done.stdout + done.stderr


def test_a_page_that_shows_what_is_not_printed_is_told(tmp_path: Path):
    shown = tmp_path / "page.md"
    shown.write_text("<!-- run -->\n```python\nprint('seven', 7)\n```\n\n```text\nseven 8\n```\n")
    assert run(shown, tmp_path).returncode == 0
    shown.write_text("<!-- run -->\n```python\nprint('seven')\n```\n\n```text\neight\n```\n")
    assert "page.md:3: it prints 'seven', not as the page says" in run(shown, tmp_path).stderr


def test_what_a_page_shows_can_be_written_anew(tmp_path: Path):
    shown = tmp_path / "page.md"
    block = "<!-- run -->\n```python\nprint('a\\nb\\nc\\nd')\n```\n\n```text\n{}```\n"
    shown.write_text(block.format("x\n...\ny\n") + block.format("x\n"))
    page.run(shown, write=True)
    assert shown.read_text() == block.format("a\n...\nd\n") + block.format("a\nb\nc\nd\n")


def test_a_run_that_pages_share_is_played_once(tmp_path: Path):
    shown = tmp_path / "page.md"
    code = "mkdir -p runs/one; echo played; date +%N > runs/one/when"
    shown.write_text(f"<!-- run once -->\n```sh\n{code}\n```\n\n```text\nplayed\n```\n")
    places = [tmp_path / name for name in ("a", "b")]
    for place in places:
        place.mkdir()
        assert run(shown, place, tmp_path / "kept").returncode == 0
    first, second = ((place / "runs/one/when").read_text() for place in places)
    assert first == second


def test_blocks_share_names_and_unmarked_ones_are_not_run(tmp_path: Path):
    shown = tmp_path / "page.md"
    shown.write_text(
        "<!-- run -->\n```python\nx = 1\n```\n\n```python\nx = 2\n```\n\n"
        "<!-- run -->\n```sh\ntouch here\n```\n\n"
        "<!-- run -->\n```python\nimport os\nassert os.path.exists('here') and x == 1\n```\n"
    )
    done = run(shown, tmp_path)
    assert done.returncode == 0, done.stderr
