"""What docs/ shows works: every marked code block is run, as a reader would run it."""

import os
import subprocess
import sys
from pathlib import Path

import page
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHOWN = sorted(
    each
    for each in DOCS.glob("*.md")
    if any(block.marked for block in page.blocks(each.read_text(encoding="utf-8")))
)


def run(shown: Path, place: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in an empty directory, with simctl on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, page.__file__, shown],
        cwd=place,
        env={**os.environ, "PATH": path, "HF_HOME": str(place / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("shown", SHOWN, ids=lambda each: each.stem)
def test_the_blocks_of_a_page_run_in_their_order(shown: Path, tmp_path: Path):
    done = run(shown, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pages_are_found():
    assert "notebook" in [each.stem for each in SHOWN]


def test_no_block_of_a_page_that_is_run_is_left_out():
    left = {
        f"{each.name}:{block.line}"
        for each in SHOWN
        for block in page.blocks(each.read_text(encoding="utf-8"))
        if block.language in ("python", "sh") and not block.marked
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


def test_blocks_share_names_and_unmarked_ones_are_not_run(tmp_path: Path):
    shown = tmp_path / "page.md"
    shown.write_text(
        "<!-- run -->\n```python\nx = 1\n```\n\n```python\nx = 2\n```\n\n"
        "<!-- run -->\n```sh\ntouch here\n```\n\n"
        "<!-- run -->\n```python\nimport os\nassert os.path.exists('here') and x == 1\n```\n"
    )
    done = run(shown, tmp_path)
    assert done.returncode == 0, done.stderr
