"""Paired differences, intervals and verdicts: golden numbers and laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simctl.cli.claims import Beaten, Best, Better, NoWorse, Ordered
from simctl.cli.judge import judge
from simctl.cli.paired import differences, interval

finite = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 3))
by_seed = st.dictionaries(st.integers(0, 9), finite, min_size=2)


def arm(*scores: float) -> dict[int, float]:
    return dict(enumerate(scores))


def test_the_interval_of_five_differences_is_the_one_counted_by_hand():
    # mean 3, s = sqrt(2.5), t(0.975, 4) = 2.7764451: 3 +- 2.7764451 * 0.7071068
    found = interval([1, 2, 3, 4, 5])
    assert found is not None
    assert (found.mean, found.pairs) == (3, 5)
    assert (found.low, found.high) == pytest.approx((1.0367568385, 4.9632431615), abs=1e-9)


def test_the_interval_is_that_of_scipys_paired_test():
    one, other = [0.9, 0.7, 0.8, 0.95], [0.85, 0.72, 0.6, 0.9]
    wanted = stats.ttest_rel(one, other).confidence_interval(0.9)
    found = interval(differences(arm(*one), arm(*other)), 0.9)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_only_seeds_that_both_arms_have_are_pairs():
    assert differences({0: 1.0, 1: 5.0, 3: 2.0}, {3: 1.5, 0: 0.0, 2: 9.0}) == [1.0, 0.5]


@pytest.mark.parametrize("found", [[], [0.3]])
def test_fewer_than_two_seeds_have_no_interval(found: list[float]):
    told = interval(found)
    assert told is None or (told.low, told.high) == (None, None)


@given(by_seed, by_seed)
def test_swapping_the_arms_turns_the_interval_round(one: dict[int, float], other: dict[int, float]):
    here, there = interval(differences(one, other)), interval(differences(other, one))
    if here is None or there is None:
        assert here is there
        return
    assert here.mean == pytest.approx(-there.mean)
    if here.low is not None and there.high is not None:
        assert here.low == pytest.approx(-there.high)


@given(by_seed, by_seed, finite)
def test_what_helps_both_arms_alike_changes_nothing(
    one: dict[int, float], other: dict[int, float], constant: float
):
    here = differences(one, other)
    there = differences(
        {seed: score + constant for seed, score in one.items()},
        {seed: score + constant for seed, score in other.items()},
    )
    assert here == pytest.approx(there, abs=1e-9)


@given(st.lists(finite, min_size=2, max_size=9), st.floats(0.5, 0.99))
def test_more_confidence_gives_a_wider_interval_around_the_mean(
    found: list[float], confidence: float
):
    narrow, wide = interval(found, confidence), interval(found, (1 + confidence) / 2)
    assert narrow is not None
    assert wide is not None
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high


# --- verdicts -----------------------------------------------------------------------------------

HIGH, MIDDLE, LOW = arm(0.9, 0.8, 0.85, 0.9, 0.95), arm(*[0.6] * 5), arm(0.1, 0.2, 0.1, 0.2, 0.1)
WILD = arm(0.0, 1.0, 0.3, 0.9, 0.5)
SCORES = {"high": HIGH, "middle": MIDDLE, "low": LOW, "wild": WILD}


def only(*names: str) -> dict[str, dict[int, float]]:
    return {name: SCORES[name] for name in names}


CASES = [
    (Better(better="high", worse="low"), "confirmed"),
    (Better(better="low", worse="high"), "refuted"),
    (Better(better="high", worse="wild"), "inconclusive"),
    (Better(better="high", worse="low", least=0.7), "inconclusive"),
    (Better(better="high", worse="low", least=0.9), "refuted"),
    (NoWorse(arm="high", than="low", by=0.0), "confirmed"),
    (NoWorse(arm="low", than="high", by=0.9), "confirmed"),
    (NoWorse(arm="low", than="high", by=0.5), "refuted"),
    (NoWorse(arm="wild", than="high", by=0.1), "inconclusive"),
    (Ordered(order=("high", "middle", "low")), "confirmed"),
    (Ordered(order=("high", "low", "middle")), "refuted"),
    (Ordered(order=("high", "middle", "wild")), "inconclusive"),
]


@pytest.mark.parametrize(("claim", "word"), CASES)
def test_a_claim_is_confirmed_refuted_or_left_open(claim: Better, word: str):
    assert judge(claim, SCORES).word == word


@pytest.mark.parametrize(
    ("claim", "names", "word"),
    [
        (Best(best="high"), ("high", "middle", "low"), "confirmed"),
        (Best(best="middle"), ("high", "middle", "low"), "refuted"),
        (Best(best="high"), ("high", "low", "wild"), "inconclusive"),
        (Beaten(beaten="middle"), ("high", "middle", "low"), "confirmed"),
        (Beaten(beaten="high"), ("high", "middle", "low"), "refuted"),
        (Beaten(beaten="high"), ("high", "low", "wild"), "inconclusive"),
    ],
)
def test_a_claim_about_all_the_others_needs_all_of_them_or_one(
    claim: Best, names: tuple[str, ...], word: str
):
    assert judge(claim, only(*names)).word == word


def test_arms_that_come_to_the_same_refute_nothing():
    same = {"one": arm(*[1.0] * 5), "other": arm(*[1.0] * 5)}
    assert judge(Better(better="one", worse="other"), same).word == "inconclusive"


@pytest.mark.parametrize("seeds", [0, 1, 2, 4])
def test_fewer_than_five_pairs_conclude_nothing_and_say_so(seeds: int):
    few = {name: {s: v for s, v in scores.items() if s < seeds} for name, scores in SCORES.items()}
    found = judge(Better(better="high", worse="low"), few)
    assert found.word == "inconclusive"
    assert found.reason == f"a verdict needs 5 paired seeds, and there are {seeds}"


def test_one_of_several_comparisons_must_be_as_sure_as_all_of_them_together():
    found = judge(Ordered(order=("high", "middle", "low")), SCORES)
    assert found.wide == pytest.approx(0.975)
    [first, _] = (each.wide for each in found.duels)
    spread = np.std(np.subtract(list(HIGH.values()), 0.6), ddof=1) / math.sqrt(5)
    assert first is not None
    assert first.high - first.mean == pytest.approx(stats.t.ppf(0.9875, 4) * spread)


def test_what_is_over_in_one_of_many_comparisons_by_its_own_interval_only_is_left_open():
    # t = 3.2 with four degrees of freedom: over 2.78 for one comparison, under 5.60 for ten
    sure = arm(*(0.6131 + x for x in (-0.1, -0.05, 0, 0.05, 0.1)))
    level = arm(*[0.5] * 5)
    alone = judge(Beaten(beaten="level"), {"level": level, "sure": sure})
    many = judge(
        Beaten(beaten="level"), {"level": level, "sure": sure} | {f"a{n}": level for n in range(9)}
    )
    assert (alone.word, many.word) == ("confirmed", "inconclusive")
