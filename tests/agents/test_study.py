"""What a throw-away copy of the policy learns: a pure function, and who is paid for it."""

import asyncio
from dataclasses import replace

import pytest
import torch
from company import gather
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from simctl.agents import prompts
from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.curriculum import Start
from simctl.agents.episodes.teach import Teach
from simctl.agents.policy.cassette import Cassette
from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import Completion, Request, Studied, Study
from simctl.agents.policy.study import study
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.agents.rewards import SET_REWARDS, SetReward
from simctl.agents.stage import RoleFailedError
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.asks import Sampling, SitExam
from simctl.bus.dice import dice
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded
from simctl.bus.quiescence import Quiescence
from simctl.cli.recorded import RecordedAgent
from simctl.store.tape import Tape
from simctl.trainer import promotion
from simctl.trainer.learner import Learner
from simctl.trainer.sample import CrossEntropy, Sample
from simctl.trainer.settings import Training

ENV = ChainTasks({})
PROBLEMS = tuple(ENV.draw(5, dice(at, "problems")) for at in range(12))
EXAM = tuple(map(prompts.solver, PROBLEMS))
TAUGHT = Study(
    examples=tuple((prompts.solver(each), ENV.check(each).reference) for each in PROBLEMS),
    exam=EXAM,
    steps=12,
    learning_rate=1e-3,
)
TEACH = Teach(sets=2, set_size=3, exam=4, steps=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    model = AutoModelForCausalLM.from_pretrained(PATH, dtype=torch.float32).eval()
    return Decoder(model, Vocabulary(PATH), version=0)


def bits(decoder: Decoder) -> list[bytes]:
    return [each.detach().numpy().tobytes() for each in decoder.model.parameters()]


def solved(texts: list[str]) -> float:
    grades = [ENV.grade_attempt(p, t) for p, t in zip(PROBLEMS, texts, strict=True)]
    return sum(each.parts["correct"] for each in grades) / len(grades)


# --- a copy learns ------------------------------------------------------------------------------


def test_a_copy_that_learns_right_answers_solves_more(decoder: Decoder):
    studied = study(decoder, TAUGHT)
    before, after = ([each.text for each in said] for said in (studied.before, studied.after))
    assert solved(after) > solved(before) + 0.3


def test_the_weights_that_serve_are_not_touched(decoder: Decoder):
    known = bits(decoder)
    study(decoder, TAUGHT)
    assert bits(decoder) == known


def test_without_a_learning_rate_nothing_is_gained_to_the_last_bit(decoder: Decoder):
    studied = study(decoder, replace(TAUGHT, learning_rate=0.0))
    assert studied.before == studied.after


def test_from_nothing_nothing_is_learnt(decoder: Decoder):
    studied = study(decoder, replace(TAUGHT, examples=()))
    assert studied.before == studied.after


def test_a_trainer_that_promotes_a_copy_takes_its_steps_again(decoder: Decoder):
    words = decoder.vocabulary
    said = [
        Sample(
            role="solver",
            policy_version=0,
            source=1,
            prompt=words.encode(prompt),
            tokens=(tokens := (*words.encode(answer), words.end)),
            logprobs=(),
            weights=(1.0,) * len(tokens),
            loss=CrossEntropy(),
        )
        for prompt, answer in TAUGHT.examples
    ]
    taught = replace(TAUGHT, key=5)
    exam = promotion.Studied(1, 0.5, (1,), taught.steps, taught.learning_rate, taught.key)
    learner = Learner(PATH, PATH, Training())
    learner.imitate(said, exam)
    after = study(decoder, taught).after
    again = study(replace(decoder, model=learner.model), replace(taught, examples=())).before
    assert [each.tokens for each in again] == [each.tokens for each in after]
    ours, theirs = ([each.logprobs for each in found] for found in (again, after))
    assert sum(ours, ()) == pytest.approx(sum(theirs, ()), abs=1e-3)


def test_the_same_study_comes_out_the_same(decoder: Decoder):
    assert study(decoder, TAUGHT) == study(decoder, TAUGHT)


def test_the_key_settles_the_order_of_examples(decoder: Decoder):
    assert study(decoder, TAUGHT).after != study(decoder, replace(TAUGHT, key=1)).after


def test_copies_of_one_sampler_learn_each_for_itself_and_leave_it_as_it_was():
    greedy = [Request(each, 0, Sampling(temperature=0)) for each in EXAM]

    async def ask() -> tuple[list[Completion], Studied, Studied, list[Completion]]:
        quiescence = Quiescence()
        sampler = TransformersSampler(PATH, 0, quiescence)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            before = await sampler.sample(greedy)
            first, second = await sampler.study([TAUGHT, TAUGHT])
            after = await sampler.sample(greedy)
            pump.cancel()
        return before, first, second, after

    before, first, second, after = asyncio.run(ask())
    assert list(first.before) == before == after
    assert first == second


# --- a role sits an exam -----------------------------------------------------------------------


async def sat() -> list[Event]:
    async with gather() as here:
        await here.play(TEACH, "e1.000", ENV, Start(difficulty=5))
    return list(here.log.read())


async def test_all_sets_of_an_episode_sit_one_exam():
    asks = [event.message for event in await sat() if isinstance(event.message, SitExam)]
    assert len(asks) == 2
    assert len({each.exam for each in asks}) == 1


async def test_all_that_made_a_set_earns_the_gain_of_the_copy_that_learnt_from_it():
    events = await sat()
    taken = [event.message for event in events if event.kind == "exam_taken"]
    asks = [event.message for event in events if isinstance(event.message, SitExam)]
    posed = [event for event in events if event.kind == "task_posed"]
    grades = [event.message for event in events if isinstance(event.message, AnswerGraded)]
    paid = {each.of: each.reward for each in grades}
    assert {each.role for each in grades} == {"examiner", "solver"}
    for ask, exam in zip(asks, taken, strict=True):
        own = [e.seq for e in posed if e.message.problem in dict(ask.examples)]
        assert own
        assert {paid[seq] for seq in own} == {exam.after - exam.before}


async def test_a_solver_without_exams_cannot_sit_one():
    solver = cast(Voice(Cassette(Vocabulary(PATH), 0, Quiescence()), 0))["solver"]
    ask = SitExam(task=1, examples=(), exam=PROBLEMS[:1])
    async with gather(agents={"solver": solver}) as here:
        with pytest.raises(RoleFailedError, match="cannot answer 'sit_exam'"):
            await here.stage("e1.000").ask("solver", ask)


async def test_a_log_that_is_played_again_has_the_scores_of_its_exams():
    events = await sat()
    asked = next(event for event in events if event.kind == "sit_exam")
    taken = next(event for event in events if event.cause == asked.seq)
    tape = Tape(iter(events))
    cassette = Cassette(Vocabulary(PATH), 0, Quiescence())
    solver = cast(Voice(cassette, 0))["solver"]  # no weights, and so no exams
    [answer] = await RecordedAgent(solver, tape, cassette, 0).handle(asked)
    assert answer.message == taken.message


# --- pay ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid", "expected"),
    [("gain", [0.1, 0.3, -0.1]), ("advantage", [0.0, 0.3, -0.3]), ("best", [0.0, 1.0, 0.0])],
)
def test_what_a_set_earns(paid: SetReward, expected: list[float]):
    assert SET_REWARDS[paid]([0.1, 0.3, -0.1]) == pytest.approx(expected)


def test_the_best_of_sets_that_teach_nothing_earns_nothing():
    assert SET_REWARDS["best"]([0.0, -0.1]) == [0.0, 0.0]


def test_two_sets_have_opposite_advantages():
    first, second = SET_REWARDS["advantage"]([0.25, 0.0])
    assert first == -second == 0.25


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6))
def test_the_advantages_of_sets_sum_to_nothing(gains: list[float]):
    assert sum(SET_REWARDS["advantage"](gains)) == pytest.approx(0, abs=1e-9)
