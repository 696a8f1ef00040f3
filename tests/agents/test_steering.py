from collections import Counter
from math import lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounds import Told, rounds

from simctl.agents.played import Round, read
from simctl.agents.steering.beta import Beta, digamma, trigamma
from simctl.agents.steering.controller import Controller
from simctl.agents.steering.exposure import Choice, Fixed, Linear
from simctl.agents.steering.learnt import Decision, Learnt, learn, progress
from simctl.agents.steering.temperature import Balance, balance
from simctl.agents.steering.temperature import Fixed as FixedTemperature
from simctl.bus.dice import dice

LOSS = "loss/divergence"


def played(number: int, **metrics: float) -> Round:
    return Round(number, 1, (), metrics)


def value(controller: Controller) -> float:
    return controller.report()[""]


# --- by a plan ----------------------------------------------------------------------------------


def test_what_is_fixed_stays():
    for settings in (Fixed(value=0.3).begin(0), FixedTemperature(value=0.3).begin()):
        settings.observe(played(5))
        assert settings.next(dice(0)) == value(settings) == 0.3


def test_a_linear_share_reaches_its_last_value_and_stays_there():
    controller, shares = Linear(first=1.0, last=0.5, rounds=3).begin(0), []
    for number in range(1, 6):
        shares.append(controller.next(dice(0)))
        controller.observe(played(number))
    assert shares == [1.0, 0.75, 0.5, 0.5, 0.5]


def test_each_episode_draws_its_share_from_the_list():
    controller = Choice(values=(0.0, 0.5, 1.0)).begin(0)
    drawn = Counter(controller.next(dice(at)) for at in range(900))
    assert set(drawn) == {0.0, 0.5, 1.0}
    assert min(drawn.values()) > 240
    assert value(controller) == 0.5


# --- the Beta distribution ----------------------------------------------------------------------

parameters = st.floats(0.5, 30)


def slope(f, x: float) -> float:  # type: ignore[no-untyped-def] # noqa: ANN001
    return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5


@given(parameters)
def test_digamma_and_trigamma_are_the_slopes_of_log_gamma(x: float):
    assert digamma(x) == pytest.approx(slope(lgamma, x), abs=1e-6)
    assert trigamma(x) == pytest.approx(slope(digamma, x), abs=1e-6)


@given(parameters, parameters)
def test_the_entropy_moves_with_a_and_b_as_its_gradient_says(a: float, b: float):
    expected = (
        slope(lambda each: Beta(each, b).entropy, a),
        slope(lambda each: Beta(a, each).entropy, b),
    )
    assert Beta(a, b).entropy_gradient() == pytest.approx(expected, abs=1e-5)


def test_the_flat_distribution_has_entropy_0():
    assert Beta(1, 1).entropy == pytest.approx(0, abs=1e-12)


@given(parameters, parameters, st.floats(0.01, 0.99))
def test_the_score_is_the_gradient_of_the_log_density(a: float, b: float, x: float):
    def density(a: float, b: float) -> float:
        return lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * log(x) + (b - 1) * log(1 - x)

    expected = slope(lambda each: density(each, b), a), slope(lambda each: density(a, each), b)
    assert Beta(a, b).score(x) == pytest.approx(expected, abs=1e-5)


# --- learnt exposure ----------------------------------------------------------------------------


def test_a_learnt_share_is_held_and_stays_within_its_bounds():
    controller, shares = Learnt(least=0.4, most=0.6, hold=3).begin(7), []
    for number in range(1, 25):
        shares.append(controller.next(dice(0)))
        controller.observe(played(number, **{LOSS: 1.0 / number}))
    held = [shares[at : at + 3] for at in range(0, 24, 3)]
    assert all(len(set(each)) == 1 for each in held)
    assert 0.4 <= min(shares) < max(shares) <= 0.6


def test_one_seed_draws_one_course_and_another_another():
    def course(seed: int) -> list[float]:
        controller, shares = Learnt(hold=1).begin(seed), []
        for number in range(1, 30):
            shares.append(value(controller))
            controller.observe(played(number, **{LOSS: 2.0 - 0.01 * number}))
        return shares

    assert course(1) == course(1) != course(2)


def test_the_share_goes_to_where_the_loss_falls():
    # the loss falls only while more than half of the view is shown
    def mean(seed: int) -> float:
        settings = Learnt(hold=1, look_ahead=1, batch=8, learning_rate=0.5, entropy_weight=0.0)
        controller, loss, shares = settings.begin(seed), 100.0, []
        for number in range(1, 400):
            shares.append(value(controller))
            loss -= 0.2 if shares[-1] > 0.5 else 0.0
            controller.observe(played(number, **{LOSS: loss}))
        return sum(shares[-100:]) / 100

    assert min(mean(seed) for seed in range(4)) > 0.65


def test_progress_is_what_the_loss_fell_by_sooner_falls_counting_more():
    assert progress([3.0, 2.0, 2.5, 2.0], discount=0.5) == 1.0 + 0.25 * 0.5


def test_a_decision_is_paid_when_its_rounds_are_over():
    controller, means = Learnt(hold=1, look_ahead=2, batch=2).begin(0), []
    for number, loss in enumerate([4.0, 3.0, 2.9, 2.9], 1):
        controller.observe(played(number, **{LOSS: loss}))
        means.append(controller.report()["mean"])
    # the second decision, of round 2, fills the batch after round 3
    assert [mean == pytest.approx(0.5) for mean in means] == [True, True, False, False]


def test_equal_returns_teach_nothing_and_surplus_entropy_narrows():
    paid = [(Decision(1, (1.0, 0.0), drawn), 0.5) for drawn in (0.2, 0.9)]
    rows = [[0.0, 0.0], [0.0, 0.0]]
    assert learn(Learnt(entropy_weight=0.0), rows, paid) == rows
    narrowed = learn(Learnt(entropy_target=-0.5), rows, paid)
    assert narrowed[0][0] == narrowed[1][0] > 0
    assert learn(Learnt(entropy_target=0.0), rows, paid) == rows


def test_a_step_goes_up_the_normalised_return():
    # a = b = 1 + ln 2; the better draw is high, so that a rises as b falls
    paid = [(Decision(1, (1.0,), 0.2), 0.0), (Decision(1, (1.0,), 0.8), 1.0)]
    [up], [down] = learn(Learnt(entropy_weight=0.0, learning_rate=1.0), [[0.0], [0.0]], paid)
    # (log 0.8 - log 0.2) / 2 times the slope of softplus at 0
    assert (up, down) == pytest.approx((0.3465736, -0.3465736))


# --- temperature --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "kept", "score"),
    [(8, 16, 0.5), (4, 4, 0.5), (16, 16, 1.0), (0, 4, 0.0), (0, 0, 0.0)],
)
def test_the_balance_score_wants_many_right_answers_and_few_wrong_ones(
    right: int, kept: int, score: float
):
    assert balance(right, kept) == score


def at(temperature: float, *marks: float, texts: list[str] | None = None) -> Told:
    return Told("p", marks=marks, temperature=temperature, texts=texts)


def tuned(settings: Balance, *told: list[Told]) -> Controller:
    controller = settings.begin()
    for events in rounds(*told):
        controller.observe(read(events))
    return controller


GRID = Balance(grid=(0.5, 0.7, 1.1), wanted=4)


def test_the_best_balance_is_taken():
    told = [at(0.5, 1.0, 0.0), at(0.7, 1.0, 1.0, 1.0, 0.0), at(1.1, 1.0, 0.0, 0.0)]
    controller = tuned(GRID, told)
    assert controller.report() == pytest.approx(
        {"": 0.7, "0.5": 0.125, "0.7": 0.5625, "1.1": 1 / 12}
    )


def test_an_earlier_score_is_kept_in_part():
    settings = GRID.model_copy(update={"memory": 0.75})
    told = [at(0.5, 1.0, 1.0)], [at(0.5, 0.0, 0.0)]
    assert tuned(settings, *told).report()["0.5"] == 0.375


def test_the_same_answer_counts_once():
    repeated = at(0.5, 1.0, 1.0, 1.0, 1.0, texts=["a", "a", "a", "a"])
    assert tuned(GRID, [repeated]).report()["0.5"] == 0.25


def test_of_equally_good_temperatures_the_first_is_taken():
    assert value(tuned(GRID, [at(1.1, 1.0), at(0.7, 1.0)])) == 0.7


def test_what_is_not_in_the_grid_is_no_trial():
    assert value(tuned(GRID, [at(0.9, 1.0, 1.0), at(0.5, 0.0)])) == 0.5


def test_a_share_of_the_episodes_tries_any_temperature():
    controller = tuned(GRID, [at(1.1, 1.0)])
    drawn = Counter(controller.next(dice(each)) for each in range(900))
    # half of them try one of three
    assert drawn[1.1] == pytest.approx(600, abs=60)
    assert drawn[0.5] == pytest.approx(150, abs=45)
