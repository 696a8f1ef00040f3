"""What holds for every curriculum: it is a fold of its rounds, and keeps off what is held out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds import Told, rounds

from simctl.agents.curricula import (
    AnyCurriculum,
    Bandit,
    Extend,
    Failures,
    Frontier,
    Ladder,
    Restart,
    Schedule,
    Targets,
    Uniform,
)
from simctl.agents.curriculum import Syllabus
from simctl.agents.pool import Replay
from simctl.agents.steering.exposure import Choice, Linear
from simctl.agents.steering.learnt import Learnt
from simctl.agents.steering.temperature import Balance
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.dice import dice
from simctl.bus.event import Event
from simctl.cli.recipe import Recipe, dump, load, parse

ENV = ChainTasks({1: 600, 2: 20})  # most problems of one operation are held out
HELD_OUT = ENV.targets(1, 600) + ENV.targets(2, 20)
RANGE = {"min_difficulty": 1, "max_difficulty": 3}
KINDS: tuple[AnyCurriculum, ...] = (
    Extend(worth=0.0),
    Uniform(**RANGE),
    Frontier(**RANGE),
    Bandit(**RANGE),
    Schedule(**RANGE, block=5),
    Ladder(**RANGE, least=2, bound=0.5),
    Failures(**RANGE),
    Failures(**RANGE, by="skill"),
    Restart(**RANGE),
    Targets(**RANGE, problems=8),
)
STEERED: dict[str, object] = {
    "replay": Replay(max_age=2, max_uses=2),
    "exposure": Learnt(hold=1, look_ahead=1, batch=2),
    "temperature": Balance(trial_share=0.5),
}


def whole(curriculum: AnyCurriculum) -> AnyCurriculum:
    """The curriculum with everything that can stand beside it."""
    return curriculum.model_copy(update=STEERED)


@st.composite
def told(draw: st.DrawFn) -> Told:
    """A task as a run could have played it: what is held out never was valid."""
    number = draw(st.integers(0, 11))
    held_out = draw(st.booleans())
    problem = HELD_OUT[number] if held_out else ENV.draw(1 + number % 3, dice(number))
    count = draw(st.integers(1, 3))
    return Told(
        problem,
        ENV.check(problem).difficulty,
        marks=draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=count, max_size=count)),
        attempt=draw(st.sampled_from(["", f"{problem} 0"])),
        temperature=draw(st.sampled_from([0.5, 1.0])),
        worth=draw(st.sampled_from([None, 0.0, 1.0])),
        valid=not held_out,
    )


@st.composite
def runs(draw: st.DrawFn) -> list[list[Event]]:
    """The events of some rounds."""
    tasks = draw(st.lists(st.lists(told(), min_size=1, max_size=4), min_size=1, max_size=4))
    falls = st.floats(0, 2)
    return rounds(*tasks, metrics=[{"loss/divergence": draw(falls)} for _ in tasks])


def future(syllabus: Syllabus) -> list[object]:
    """All that can be seen of a state: what it reports, and what it would draw."""
    return [syllabus.moved(), *(syllabus.next(at, dice(0, "next", at)) for at in range(8))]


@pytest.mark.parametrize("curriculum", KINDS, ids=lambda each: f"{each.kind}")
@settings(max_examples=20)
@given(data=st.data())
def test_a_run_that_broke_off_after_any_round_goes_on_as_if_it_had_not(
    curriculum: AnyCurriculum, data: st.DataObject
):
    run = data.draw(runs())
    cut = data.draw(st.integers(0, len(run)))
    unbroken, resumed = (whole(curriculum).begin(ENV, 3) for _ in range(2))
    for events in run[:cut]:
        future(unbroken)  # drawing from a state must not move it
        unbroken.observe(events)
        resumed.observe(iter(events))
    resumed.observe([])  # nor must what is said between two rounds
    assert future(resumed) == future(unbroken)
    for events in run[cut:]:
        unbroken.observe(events)
        resumed.observe(events)
    assert future(resumed) == future(unbroken)


@pytest.mark.parametrize("curriculum", KINDS, ids=lambda each: f"{each.kind}")
@settings(max_examples=20)
@given(run=runs())
def test_nothing_that_is_held_out_is_ever_drawn(curriculum: AnyCurriculum, run: list[list[Event]]):
    syllabus = whole(curriculum).begin(ENV, 3)
    for events in run:
        syllabus.observe(events)
        starts = [syllabus.next(at, dice(1, at)) for at in range(8)]
        named = {each for start in starts for each in (start.problem, start.target, start.parent)}
        assert named.isdisjoint(HELD_OUT)
        assert all(ENV.check(each).valid for each in named - {""})


@pytest.mark.parametrize("curriculum", KINDS, ids=lambda each: f"{each.kind}")
def test_a_recipe_can_say_all_of_it(curriculum: AnyCurriculum):
    recipe = Recipe(name="own", curriculum=whole(curriculum))
    assert parse("own", dump(recipe), name="own") == recipe


def test_what_is_steered_is_reported_by_name():
    curriculum = Uniform(
        min_difficulty=2, max_difficulty=2, exposure=Linear(first=0.5), temperature=Balance()
    )
    assert curriculum.begin(ENV).moved().weights == {"2": 1.0, "exposure": 0.5, "temperature": 0.9}


def test_an_episode_is_told_what_is_steered_and_nothing_else():
    both = Uniform(exposure=Choice(values=(0.25,)), temperature=Balance(grid=(0.7,)))
    start, plain = (each.begin(ENV).next(0, dice(0)) for each in (both, Uniform()))
    assert (start.reveal, start.temperature) == (0.25, 0.7)
    assert (plain.reveal, plain.temperature) == (None, None)


def test_a_nested_table_can_be_set_from_the_command_line():
    recipe = load("grpo", ["curriculum.exposure.kind=beta", "curriculum.exposure.hold=2"])
    assert recipe.curriculum.exposure == Learnt(hold=2)
