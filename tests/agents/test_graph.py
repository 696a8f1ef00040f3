import pytest
from company import gather
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.curriculum import Start
from simctl.agents.episodes.act import Act
from simctl.agents.tasks.environment import Observation
from simctl.agents.tasks.graph import GraphSettings
from simctl.agents.tasks.world import world
from simctl.bus.asks import Sampling
from simctl.bus.dice import dice
from simctl.bus.messages import ObservationMade

OPEN = GraphSettings().environment({2: 5})
CLOSED = GraphSettings(open_book=False).environment({2: 5})
# in the first world the k of 4 is 9, the m of 9 is 7, and the s of 7 is 2
QUESTION, SOLUTION = "4kms", "k=9m=7s=2"
BOOK = "4k=9.9m=7.7s=2.2k=7."


def test_the_world_of_a_seed_is_always_the_same():
    walked = world(0, 10, 26).walk(4, "kms")
    assert walked is not None
    assert [f"{fact}" for fact in walked] == ["4k=9", "9m=7", "7s=2"]


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 26))
def test_no_relation_leads_from_an_entity_to_itself(seed: int, entities: int, relations: int):
    made = world(seed, entities, relations)
    assert len(made.facts) == entities * relations
    assert all(0 <= f.other < entities and f.other != f.entity for f in made.facts.values())


@pytest.mark.parametrize(
    ("attempt", "correct", "progress", "answer", "coverage"),
    [
        (SOLUTION, 1.0, 1.0, 1.0, 1.0),
        (SOLUTION + "=2", 1.0, 1.0, 1.0, 1.0),  # with the answer stated
        (SOLUTION + "=7", 0.0, 1.0, 0.0, 1.0),
        ("k=9m=4s=2", 0.0, 1 / 3, 1.0, 0.5),  # right by accident
        ("=2", 0.0, 0.0, 1.0, 0.0),
        ("k=9m=7", 0.0, 2 / 3, 0.0, 1.0),
        ("=9=7=3=4=5=2", 0.0, 0.0, 0.0, 1.0),
        ("=0=2=4=5=6=8=1=9=7", 0.0, 0.0, 0.0, 0.0),  # naming everything
        ("k=9m=7s=2c", 0.0, 1.0, 0.0, 1.0),
    ],
)
def test_an_attempt_is_graded_hop_by_hop_by_its_answer_and_by_its_waypoints(
    attempt: str, correct: float, progress: float, answer: float, coverage: float
):
    parts = {"correct": correct, "progress": progress, "answer": answer, "coverage": coverage}
    assert CLOSED.grade_attempt(QUESTION, attempt).parts == parts


def test_a_single_hop_has_no_waypoints():
    assert CLOSED.grade_attempt("4k", "k=9").parts["coverage"] == 0.0


def test_the_construction_path_is_the_entities_on_the_way():
    assert CLOSED.check(QUESTION).path == "4.9.7.2"


@pytest.mark.parametrize(
    ("attempt", "critique"),
    [
        (SOLUTION, "k=9=9.m=7=7.s=2=2."),
        ("k=9m=4s=2", "k=9=9.m=7=4!"),
        ("k=9s=2", "k=9=9.m=7!"),
        ("k=9m=7", "k=9=9.m=7=7.s=2!"),
        (SOLUTION + "=7", "k=9=9.m=7=7.s=2=2.!"),
    ],
)
def test_a_critique_stops_after_the_first_wrong_hop(attempt: str, critique: str):
    graded = CLOSED.grade_critique(QUESTION, attempt, critique)
    assert graded.parts == {"exact": 1.0, "verdict": 1.0}


@pytest.mark.parametrize(
    ("problem", "gate"),
    [
        ("4k=9.", "parses"),
        ("4k=2.4k", "facts"),
        ("99k=9.4k", "facts"),
        ("4kms", "book"),
        ("4k=9.4km", "answerable"),
        ("4k=9.4kmbacde", "length"),
        ("4k=9.4" + "k" * 3000, "length"),
        (OPEN.targets(2, 5)[2], "not_held_out"),
    ],
)
def test_a_problem_that_breaks_a_rule_fails_at_its_gate(problem: str, gate: str):
    checked = OPEN.check(problem)
    assert not checked.valid
    assert not checked.gates[gate]


def test_a_question_that_comes_back_to_an_entity_does_not_pass():
    back = [f"4k{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    returns = [q for q in back if CLOSED.check(q).gates["no_return"] is False]
    known = world(0, 10, 26)
    assert returns == [
        f"4k{letter}" for letter in known.relations if known.facts[9, letter].other == 4
    ]


def test_closed_book_shows_no_facts_and_open_book_all_that_are_needed():
    assert not CLOSED.check(BOOK + QUESTION).gates["book"]
    assert OPEN.check(BOOK + QUESTION).reference == SOLUTION


def test_a_held_out_question_with_other_facts_is_still_held_out():
    target = OPEN.targets(2, 1)[0]
    assert not OPEN.check(f"2k=7.{target}").gates["not_held_out"]


def test_hops_that_need_no_entity_make_a_question_degenerate():
    shown = OPEN.check(BOOK + QUESTION)
    assert shown.degenerate == 2 / 3  # another fact has the relation k
    assert OPEN.grade_judgement(BOOK + QUESTION, "~").parts["right"] == 1.0


@pytest.mark.parametrize(
    ("actions", "seen"),
    [
        ([], Observation(text="")),
        (["k"], Observation(text="=9")),
        (["k", "m"], Observation(text="=7")),
        (["k", "?", "m"], Observation(text="=7")),
        (["k", "km"], Observation(text="!")),
        (["k", "m", "s", "=2"], Observation(text="", done=True)),
        ([SOLUTION], Observation(text="", done=True)),
    ],
)
def test_an_action_is_a_relation_and_what_it_reaches_is_observed(
    actions: list[str], seen: Observation
):
    assert CLOSED.act(QUESTION, actions) == seen


def test_actions_and_observations_in_a_row_are_an_attempt():
    actions, written = ["k", "m", "s", "=2"], ""
    for at, action in enumerate(actions):
        written += action + CLOSED.act(QUESTION, actions[: at + 1]).text
    assert CLOSED.grade_attempt(QUESTION, written).parts["correct"] == 1.0


async def test_a_question_can_be_acted_on_in_turns():
    async with gather() as here:
        episode = Act(num_generations=2, max_turns=2, sampling=Sampling(max_completion_length=8))
        ended = await here.play(episode, "e1.000", CLOSED, Start(difficulty=2))
        seen = [e.message for e in here.log.read() if isinstance(e.message, ObservationMade)]
    assert ended.outcome == "completed"
    assert len(seen) >= 2


def test_each_hop_is_shown_beside_facts_that_could_be_taken_for_it():
    for seed in range(20):
        *facts, question = OPEN.draw(1, dice(seed)).split(".")
        entity, relation = question
        assert f"{entity}{relation}=" in [fact[:3] for fact in facts]
        assert any(fact[0] == entity and fact[1] != relation for fact in facts)
        assert any(fact[0] != entity and fact[1] == relation for fact in facts)


def test_a_question_begins_with_those_of_fewer_hops():
    begun = {OPEN.beginning(BOOK + QUESTION, dice(seed)) for seed in range(20)}
    assert begun == {"", BOOK + "4k", BOOK + "4km"}
    assert all(OPEN.check(each).valid for each in begun - {""})


def test_what_a_question_takes_is_its_relations():
    assert CLOSED.skills(QUESTION) == ("k", "m", "s")


def test_a_world_with_too_few_entities_for_its_questions_is_refused():
    with pytest.raises(ValueError, match="max_hops is 4; it must be less than entities"):
        GraphSettings(max_hops=4, entities=4)
