"""Plots: files that can be opened, the same each time, with labels that can be read."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.cli.curves import Curve
from simctl.cli.errors import UserError
from simctl.cli.plot import Line, draw, files, spaced

LINES = [
    Line("rising", [Curve.of([(0, 0.0), (1000, 0.8)]), Curve.of([(0, 0.1), (1000, 0.9)])]),
    Line("level", [Curve.of([(0, 0.5)])]),
    Line("nothing", []),
]


def test_a_plot_is_written_in_the_format_of_its_suffix(tmp_path: Path):
    wanted = files(tmp_path / "plots" / "both")
    draw(LINES, 1000, wanted, title="A title", score="targets/sampled")
    assert [file.read_bytes()[:5] for file in wanted] == [b"\x89PNG\r", b"<?xml"]


def test_an_svg_names_the_arms_that_ran_and_is_the_same_each_time(tmp_path: Path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        draw(LINES, 1000, [file], title="A title", score="targets/sampled")
    text = one.read_text()
    assert [name in text for name in ("rising", "level", "nothing")] == [True, True, False]
    assert text == two.read_text()


def test_a_suffix_that_no_plot_has_is_told():
    with pytest.raises(UserError, match=r"a plot can be \.png, \.svg, \.pdf"):
        files(Path("plot.docx"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.08))
def test_labels_keep_their_order_and_a_gap_within_the_plot(wanted: list[float], gap: float):
    places = spaced(wanted, gap)
    ordered = sorted(zip(wanted, places, strict=True))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    least = min(gap, 1 / max(len(wanted) - 1, 1))
    heights = sorted(places)
    assert all(b - a >= least - 1e-9 for a, b in pairwise(heights))
    assert [place for _, place in ordered] == sorted(places) or len(set(wanted)) < len(wanted)
