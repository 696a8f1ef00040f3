"""Curves are straight between their points, and level before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.cli.curves import Curve

CURVE = Curve.of([(300, 0.5), (0, 0.1), (100, 0.3)])
points = st.lists(
    st.tuples(st.integers(0, 1000), st.floats(0, 1)),
    min_size=1,
    max_size=8,
    unique_by=lambda at: at[0],
)


@pytest.mark.parametrize(
    ("tokens", "score"), [(0, 0.1), (50, 0.2), (100, 0.3), (200, 0.4), (300, 0.5), (900, 0.5)]
)
def test_a_score_at_a_budget_lies_on_the_line_between_its_neighbours(tokens: int, score: float):
    assert CURVE.at(tokens) == pytest.approx(score)


@pytest.mark.parametrize(
    # trapezoids by hand: 0.2 up to 100; (100 * 0.2 + 100 * 0.35) / 200; and level after 300
    ("budget", "area"),
    [(100, 0.2), (200, 0.275), (300, 100 * (0.2 + 0.8) / 300), (400, (100 + 100 * 0.5) / 400)],
)
def test_the_area_is_the_mean_score_on_the_way_to_the_budget(budget: int, area: float):
    assert CURVE.area(budget) == pytest.approx(area)


@given(points, st.integers(1, 2000))
def test_area_and_score_lie_within_the_scores(found: list[tuple[int, float]], budget: int):
    curve, scores = Curve.of(found), [score for _, score in found]
    for value in (curve.area(budget), curve.at(budget)):
        assert min(scores) - 1e-9 <= value <= max(scores) + 1e-9


@given(st.floats(0, 1), st.integers(1, 2000))
def test_a_level_curve_has_the_area_of_its_level(level: float, budget: int):
    assert Curve.of([(0, level), (700, level)]).area(budget) == pytest.approx(level)


def test_a_curve_without_a_point_is_none():
    with pytest.raises(ValueError, match="a curve needs a point"):
        Curve.of([])
