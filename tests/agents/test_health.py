"""Every collapse that is planted raises its alarm and no other, and the log alone decides."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ward import ENV, ILL, PLANTED, ROUNDS, Ills, course, fresh, tale

from simctl.agents.curricula import Uniform
from simctl.agents.health.archive import Archive, clusters, runs, shingles, similarity
from simctl.agents.health.history import Examined, history
from simctl.agents.health.levels import Levels
from simctl.agents.health.measure import measure
from simctl.agents.health.watch import Watch
from simctl.agents.memory import recall
from simctl.bus.event import Draft, Event
from simctl.bus.messages import AlarmRaised
from simctl.store.memory_log import ListLog

NEAR = Levels().near


def examined(drafts: Sequence[Draft]) -> list[Examined]:
    return list(history(ListLog().place(drafts), Watch(Levels())))


def alarms(ills: Ills, until: int = ROUNDS) -> list[AlarmRaised]:
    return [each for found in examined(tale(course(ills, until=until))) for each in found.alarms]


@pytest.fixture(scope="module")
def healthy() -> list[Event]:
    return ListLog().place(tale(course({})))


@pytest.fixture(scope="module")
def unbroken(healthy: list[Event]) -> dict[int, Examined]:
    return {each.round: each for each in history(healthy, Watch(Levels()))}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_collapse_raises_its_alarm_and_no_other(name: str):
    ills, wanted = PLANTED[name]
    raised = alarms(ills)
    assert {each.name for each in raised} == wanted
    assert len(raised) == len(wanted)
    for each in raised:
        assert not each.over
        assert each.since >= ILL


def test_a_healthy_society_raises_none(unbroken: dict[int, Examined]):
    assert [each.alarms for each in unbroken.values()] == [[]] * ROUNDS


def test_an_alarm_is_raised_in_the_second_bad_round_and_over_in_the_second_good_one():
    found = examined(tale(course({"valid": False}, until=ILL + 2)))
    told = {each.round: each.alarms for each in found if each.alarms}
    assert {round_: [a.over for a in each] for round_, each in told.items()} == {
        ILL + 1: [False],
        ILL + 4: [True],
    }
    assert {a.since for each in told.values() for a in each} == {ILL}


def test_one_bad_round_is_no_alarm():
    assert alarms({"valid": False}, until=ILL) == []


@pytest.mark.parametrize(
    ("operations", "score", "wanted"),
    [
        (7, 1.0, set()),
        (5, 1.0, {"informative/solver"}),
        (7, 0.5, {"informative/solver", "entropy/solver", "targets"}),
    ],
)
def test_easy_tasks_are_no_alarm_where_targets_are_solved_and_tasks_grew(
    operations: int, score: float, wanted: set[str]
):
    ills = {
        "right": (4,),
        "entropy": 0.1,
        "score": lambda _: score,
        "problem": lambda number: fresh(number, operations),
    }
    assert {each.name for each in alarms(ills)} == wanted


def test_the_text_of_an_alarm_has_its_number():
    [alarm] = alarms({"labels": 0.5})
    assert alarm.value == 0.5
    assert alarm.bound == Levels().label_accuracy
    assert alarm.text == "the labels that pay agree with the verifier in 50% of the answers"


def test_the_numbers_of_a_round_are_what_was_told(unbroken: dict[int, Examined]):
    found = unbroken[4].metrics
    told = {
        "tasks/count": 10,
        "tasks/valid": 1,
        "tasks/difficulty": 5,
        "tasks/length": 16,
        "tasks/operators": 5,
        "gates/labels_follow": 1,
        "solve_rate/mean": 0.45,
        "solve_rate/0": 0,
        "solve_rate/0-25": 0.4,
        "solve_rate/25-50": 0.4,
        "solve_rate/50-75": 0.2,
        "solve_rate/75-100": 0,
        "solve_rate/100": 0,
        "reward/solver/mean": 0.45,
        "frac_reward_zero_std/solver": 0,
        "groups/solver": 10,
        "rewards/solver/correct/mean": 0.45,
        "completions/solver/mean_length": 12,
        "completions/examiner/clipped_ratio": 0,
        "labels/accuracy": 0.9,
        "labels/count": 40,
        "entropy/solver": 1,
        "eval/targets/greedy": 0.2,
        "errors": 0,
    }
    assert {name: found[name] for name in told} == pytest.approx(told)


@given(seed=st.integers(0, 2**32))
def test_the_order_in_which_episodes_were_interleaved_changes_nothing(
    healthy: list[Event], seed: int
):
    heard = [event for event in healthy if event.round == 3]
    mixed = list(heard)
    Random(seed).shuffle(mixed)  # noqa: S311 - no secret
    archive = Archive(NEAR, 10)
    assert measure(mixed, archive, NEAR) == measure(heard, archive, NEAR)


def test_a_log_that_was_measured_and_one_that_was_not_go_on_alike():
    rounds = course({"labels": 0.5}, rounds=9)
    bare = ListLog().place(tale(rounds))
    told = ListLog().place(tale(rounds, measured=Levels()))
    assert len(told) > len(bare)
    one, other = (list(history(events, Watch(Levels()))) for events in (bare, told))
    assert one == other
    assert [e.message for e in told if e.kind == "alarm_raised"] == [
        alarm for each in one for alarm in each.alarms
    ]


@settings(max_examples=12)
@given(cut=st.integers(1, 10_000), seed=st.integers(0, 2**32))
def test_a_watch_recalled_from_any_cut_says_what_an_unbroken_one_says(
    healthy: list[Event], unbroken: dict[int, Examined], cut: int, seed: int
):
    kept = healthy[: 2 + cut % (len(healthy) - 2)]
    watch = Watch(Levels())
    memory = recall(kept, Uniform().begin(ENV), watch)
    # the round that was broken off goes on, and its episodes come in another order
    rest = [event for event in healthy[len(kept) :] if event.round == memory.round]
    Random(seed).shuffle(rest)  # noqa: S311 - no secret
    found, raised = watch.examine([*memory.history, *rest])
    whole = unbroken[memory.round]
    assert (found.metrics, raised) == (whole.metrics, whole.alarms)


def test_two_tasks_with_other_labels_are_the_same_task():
    assert shingles("7k+5l*3m-4") == shingles("7x+5y*3z-4")
    assert similarity(shingles("7k+5l*3"), shingles("7k+5l*4")) < 1


def test_the_archive_finds_what_comparing_with_all_finds():
    rng = Random(0)  # noqa: S311 - no secret
    archive, kept = Archive(0.6, 1000), list[tuple[int, ...]]()
    for at in range(300):
        text = "".join(f"{rng.choice('ab')}{rng.choice('+-')}{rng.randrange(3)}" for _ in range(6))
        task = shingles(text)
        best = max((similarity(task, each) for each in kept), default=0.0)
        assert archive.nearest(task) == (best if best >= 0.6 else 0.0)
        archive.add(at, task)
        kept.append(task)


def test_the_archive_forgets_the_oldest_where_there_is_no_room():
    archive = Archive(NEAR, 2)
    texts = ["one two three four five", "six seven eight nine ten", "red green blue black white"]
    for at, text in enumerate(texts):
        archive.add(at, shingles(text))
    assert [archive.nearest(shingles(text)) for text in texts] == [0, 1, 1]


def test_a_task_may_be_near_the_one_that_it_extends():
    parent = "3a" + "".join(f"{label}+{at % 7}" for at, label in enumerate("bcdefghijklm"))
    archive = Archive(NEAR, 10)
    archive.add(5, shingles(parent))
    child = shingles(parent + "n*9")
    assert archive.nearest(child, parent=5) == 0
    assert archive.nearest(child) >= NEAR
    assert archive.nearest(shingles(parent), parent=5) == 1


def test_tasks_that_are_alike_form_clusters():
    said = [shingles(text) for text in ("1a+2", "1b+2", "7k*3l-4", "1c+2")]
    assert clusters(said, NEAR) == [3, 1]


def test_a_text_shorter_than_a_shingle_is_one():
    assert runs("2+2") == {"2 + 2"}
    assert runs("") == {""}
