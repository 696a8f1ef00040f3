"""Modes of answering: what is handed in, what it costs, and that a seed settles it."""

import asyncio
import math
from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import Script

from simctl.agents.evaluation import Suite, evaluate
from simctl.agents.inference import AnyMode, Beam, BestOfN, Refine, Single, Tree, Vote
from simctl.agents.inference.adapt import Adapt, margin
from simctl.agents.inference.ballot import borda, elect
from simctl.agents.inference.beam import Path, keep
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.judge import acceptance, rate
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.tasks.chain import ChainTasks, critique_of, parse
from simctl.bus.asks import Sampling
from simctl.bus.dice import dice
from simctl.bus.messages import PolicyEvaluated
from simctl.bus.quiescence import Quiescence

PROBLEM = "7k+5l*3"
RIGHT, WRONG = "k+5=2l*3=6", "k+5=2l*3=9"
ENV = ChainTasks({})
MODES: list[AnyMode] = [
    Single(),
    Vote(n=3),
    BestOfN(n=3, score="verdict", borda=2.0),
    Beam(width=2, stochastic=0.5),
    Tree(budget=80),
    Refine(gate="agreement", restart=True, revision_temperature=1.0),
    Adapt(steps=1),
]
digits = st.lists(st.sampled_from(["k+5=1", "k+5=2", "k+5=3", "k+5="]), min_size=1, max_size=12)


def desk(answer: Callable[[Request], tuple[str, float]]) -> Desk:
    return Desk(PROBLEM, ENV, Script(answer), seed=1)


def said(*texts: str, logprob: float = -0.1) -> Callable[[Request], tuple[str, float]]:
    """Say the texts one after the other."""
    left = iter(texts)
    return lambda _: (next(left), logprob)


@lru_cache
def measure(mode: AnyMode, *, max_batch: int = 256) -> PolicyEvaluated:
    async def ask() -> PolicyEvaluated:
        quiescence = Quiescence()
        sampler = TransformersSampler(PATH, 0, quiescence, max_batch)
        suite = Suite(name="targets", difficulty=4, problems=4, mode=mode)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            measured = await evaluate(suite, ChainTasks({}), sampler, seed=0)
            pump.cancel()
        return measured

    return asyncio.run(ask())


# --- ballots ----------------------------------------------------------------------------------


def test_a_vote_elects_the_answer_of_the_majority():
    assert elect(["a=1", "b=2", "c=2"], lambda text: text[-1]) == "b=2"


def test_what_cannot_be_parsed_never_votes():
    assert elect(["", "", "", "x=2"], lambda text: text[-1:]) == "x=2"


@given(digits)
def test_the_winner_of_a_vote_is_parsed_wherever_anything_is(attempts: list[str]):
    elected = elect(attempts, ENV.answer_of)
    assert bool(ENV.answer_of(elected)) == any(map(ENV.answer_of, attempts))


@given(digits)
def test_a_tie_goes_to_the_answer_that_came_first(attempts: list[str]):
    answers = [answer for each in attempts if (answer := ENV.answer_of(each))]
    if answers:
        most = max(map(answers.count, answers))
        first = next(answer for answer in answers if answers.count(answer) == most)
        assert ENV.answer_of(elect(attempts, ENV.answer_of)) == first


def test_of_those_that_agree_the_commonest_derivation_is_handed_in():
    attempts = ["q+1=4k+5=2", "k+5=2", "k+5=2", "k+5=3"]
    assert elect(attempts, ENV.answer_of) == "k+5=2"


@pytest.mark.parametrize(("power", "weights"), [(1.0, [1, 3, 2]), (2.0, [1, 9, 4])])
def test_borda_weights_are_powers_of_the_number_that_is_not_better(
    power: float, weights: list[float]
):
    assert borda([-3.0, -1.0, -2.0], power) == weights


def test_the_weights_of_a_ballot_can_overrule_the_majority():
    assert elect(["a=1", "b=1", "c=2"], lambda text: text[-1], [1.0, 1.0, 3.0]) == "c=2"


# --- best of n ----------------------------------------------------------------------------------


async def test_the_sum_of_log_probs_prefers_the_short_and_their_mean_the_sure():
    async def best(mode: AnyMode) -> str:
        scripts = iter([(RIGHT, -0.2), ("k+5=2", -0.3)])  # sums -1.4 and -1.2
        return await mode.solve(desk(lambda _: next(scripts)))

    short = await best(BestOfN(n=2, score="logprob"))
    sure = await best(BestOfN(n=2, score="mean_logprob"))
    assert (short, sure) == ("k+5=2", RIGHT)


async def test_the_critic_chooses_the_attempt_that_it_accepts():
    attempts = iter([WRONG, WRONG, RIGHT])

    def answer(request: Request) -> tuple[str, float]:
        if request.prompt == f"@{PROBLEM}>":
            return next(attempts), -0.1
        tried = request.prompt.removeprefix(f"${PROBLEM}>").removesuffix("|")
        return critique_of(parse(PROBLEM), tried), -0.1

    assert await BestOfN(n=3, score="verdict").solve(desk(answer)) == RIGHT


@pytest.mark.parametrize(("text", "expected"), [("k+5=2=2.", 0.75), ("k+5=2=3!", 0.25)])
def test_a_critique_bounds_the_probability_of_accepting(text: str, expected: float):
    half = Completion((1,), (2,), (math.log(0.5),), text, truncated=False, policy_version=0)
    assert acceptance(half) == pytest.approx(expected)


async def test_a_value_is_the_probability_of_the_accepting_token():
    place = desk(lambda request: (request.answer or "", math.log(0.25)))
    rated = await rate("value", place, [RIGHT], Sampling())
    assert [math.exp(each) for each in rated] == pytest.approx([0.25])
    assert place.tokens == 1


async def test_a_check_rates_by_the_steps_that_are_accepted_before_the_first_fault():
    place = desk(lambda _: (critique_of(parse(PROBLEM), WRONG), -0.1))
    [rated] = await rate("critique", place, [WRONG], Sampling())
    assert math.exp(rated) == pytest.approx(0.5)


# --- beam ----------------------------------------------------------------------------------------


def test_a_beam_without_heat_keeps_the_best_in_order():
    paths = [Path("a", -2.0), Path("b", -1.0), Path("c", -3.0)]
    assert [each.text for each in keep(paths, 2, 0.0, dice(0, "beam"))] == ["b", "a"]


def test_a_stochastic_beam_draws_by_the_exponential_of_its_score():
    paths = [Path("a", math.log(0.9)), Path("b", math.log(0.4))]
    first = [keep(paths, 1, 0.5, dice(seed, "beam"))[0].text for seed in range(4000)]
    odds = math.exp((0.9 - 0.4) / 0.5)
    assert first.count("a") / 4000 == pytest.approx(odds / (1 + odds), abs=0.03)


async def test_a_beam_scores_by_likelihood_and_rating_as_weighted():
    def answer(request: Request) -> tuple[str, float]:
        if request.answer:
            return ".", math.log(0.9 if request.prompt.endswith("=2") else 0.1)
        return ("", -0.0) if "=" in request.prompt else next(steps)

    def one_step(likelihood: float) -> Beam:
        return Beam(width=1, branch=2, likelihood=likelihood)

    # the likelier step is the one that the critic rates low
    ended = []
    for likelihood in (1.0, 0.0):
        steps = iter([("k+5=3", -0.1), ("k+5=2", -0.5)])
        ended.append(await one_step(likelihood).solve(Desk("7k+5", ENV, Script(answer), seed=1)))
    assert ended == ["k+5=3", "k+5=2"]


# --- refine --------------------------------------------------------------------------------------


async def test_what_the_critic_accepts_is_handed_in_and_not_the_fix_that_comes_with_it():
    accepting = critique_of(parse(PROBLEM), RIGHT)
    place = desk(said(RIGHT, accepting, WRONG))
    assert await Refine(max_turns=4).solve(place) == RIGHT
    assert len(place.sampler.asked) == 2


async def test_a_revision_sees_the_attempt_and_its_critique():
    refusing = critique_of(parse(PROBLEM), WRONG)
    place = desk(said(WRONG, refusing, RIGHT))
    assert await Refine(max_turns=2).solve(place) == RIGHT
    assert place.sampler.asked[-1].prompt == f"&{WRONG}|{refusing}|{PROBLEM}>"


async def test_a_restart_goes_on_from_the_steps_that_were_accepted():
    refusing = critique_of(parse(PROBLEM), WRONG)
    place = desk(said(WRONG, refusing, "l*3=6"))
    assert await Refine(max_turns=2, restart=True).solve(place) == RIGHT
    assert place.sampler.asked[-1].prompt == f"@{PROBLEM}>k+5=2"


@pytest.mark.parametrize(("gate", "calls"), [("none", 5), ("agreement", 3), ("verifier", 1)])
async def test_a_gate_decides_when_it_is_over(gate: str, calls: int):
    accepting = critique_of(parse(PROBLEM), RIGHT)
    place = desk(lambda request: (accepting if request.prompt[0] == "$" else RIGHT, -0.1))
    assert await Refine.model_validate({"gate": gate}).solve(place) == RIGHT
    assert len(place.sampler.asked) == calls


# --- adapt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "expected"), [([1.0], 1.0), ([0.6, 0.2], 0.5), ([0.1, 0.2, 0.7], 0.5)]
)
def test_the_margin_is_that_of_the_two_likeliest_candidates(shares: list[float], expected: float):
    scores = {str(at): math.log(share) for at, share in enumerate(shares)}
    assert margin(scores) == pytest.approx(expected)


async def test_the_sure_do_not_adapt():
    place = desk(lambda _: (RIGHT, -0.1))
    assert await Adapt().solve(place) == RIGHT  # a script lets no copy learn


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.kind)
def test_a_mode_gives_the_same_for_a_seed_whoever_shares_the_batch(mode: AnyMode):
    assert measure(mode) == measure(mode, max_batch=5)


@pytest.mark.parametrize("mode", MODES[1:], ids=lambda mode: mode.kind)
def test_a_mode_is_scored_under_its_name_and_counts_its_tokens(mode: AnyMode):
    measured = measure(mode)
    assert set(measured.scores) == {mode.kind}
    assert measured.tokens >= measured.problems * 4 * 3  # at least one solution of four steps


def test_the_oracle_gate_is_an_upper_bound_of_the_first_attempt():
    first, gated = measure(Single()), measure(Refine(gate="verifier"))
    assert gated.scores["refine"] >= first.scores["greedy"]
