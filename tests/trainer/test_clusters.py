import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simctl.trainer.clusters import bleu, clusters, crowding

ids = st.lists(st.integers(0, 3), min_size=1, max_size=6)


def test_bleu_is_the_geometric_mean_of_the_n_gram_precisions() -> None:
    # of 1 2 3 4 5 in 1 2 3 4 6: 4/5, 3/4, 2/3, 1/2
    found = bleu([1, 2, 3, 4, 6], [1, 2, 3, 4, 5])
    assert found == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_bleu_smooths_what_is_missing_and_punishes_what_is_short() -> None:
    # one token of two, no pair; the hypothesis has two thirds of the reference's length
    found = bleu([1, 7, 8], [1, 2])
    assert found == pytest.approx(math.sqrt(1 / 2 * 0.1 / 1) * math.exp(1 - 3 / 2))


def test_answers_without_a_common_token_are_as_far_apart_as_can_be() -> None:
    assert bleu([1, 2, 3, 4], [5, 6, 7, 8]) == 0.0


@given(answer=ids, n=st.integers(1, 6))
def test_the_share_of_equal_answers_is_1(answer: list[int], n: int) -> None:
    assert crowding([answer] * n) == pytest.approx([1.0] * n)


@given(n=st.integers(1, 6))
def test_the_share_of_answers_with_nothing_in_common_is_one_over_their_number(n: int) -> None:
    answers = [[10 * at + k for k in range(5)] for at in range(n)]
    assert crowding(answers) == pytest.approx([1 / n] * n)


def test_clusters_join_by_their_mean_distance() -> None:
    # 1 and 2 differ by 0, so they join first; 3 is near enough to both on average, 4 is not
    answers = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 6], [7, 8, 9, 10]]
    assert clusters(answers) == [0, 0, 0, 3]
    assert clusters(answers, cut=0.1) == [0, 0, 2, 3]


@settings(max_examples=50)
@given(answers=st.lists(ids, min_size=1, max_size=6))
def test_equal_answers_share_a_cluster_and_shares_count_everybody(answers: list[list[int]]) -> None:
    found, shares = clusters(answers), crowding(answers)
    assert len(set(found)) == pytest.approx(sum(1 / (share * len(answers)) for share in shares))
    assert all(
        found[a] == found[b]
        for a in range(len(answers))
        for b in range(len(answers))
        if answers[a] == answers[b]
    )
