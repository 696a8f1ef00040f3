"""What roles are asked at a problem, and what they earn; the solver sees nothing privileged."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from company import gather

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.episodes.act import Act
from simctl.agents.episodes.duel import Duel
from simctl.agents.episodes.propose import Propose
from simctl.agents.episodes.revise import Revise
from simctl.agents.episodes.solve import Solve
from simctl.agents.tasks.chain import ChainTasks
from simctl.agents.tasks.environment import Observation
from simctl.agents.turns.scorers import Judge, Likelihood, Vote
from simctl.bus.answers import (
    ActionTaken,
    AttemptMade,
    AttemptRevised,
    CritiqueWritten,
    ErrorPlanted,
    HintGiven,
    LessonGiven,
    TaskPosed,
)
from simctl.bus.asks import ROLES, GiveHint, GiveLesson, ReviseAttempt, SolveTask, TakeAction
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, ObservationMade, TaskChecked

ENV = ChainTasks({10: 300})
DIFFICULTY = 5


async def play(episode: Episode, count: int = 6, **start: Any) -> list[Event]:
    """Play episodes side by side and return what was said."""
    begin = Start(difficulty=DIFFICULTY, **start)
    async with gather() as here, asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(here.play(episode, f"e1.{index:03d}", ENV, begin))
    return list(here.log.read())


def said(events: list[Event], kind: type[Any]) -> list[Event]:
    return [event for event in events if isinstance(event.message, kind)]


def grades(events: list[Event], role: str) -> list[AnswerGraded]:
    return [e.message for e in said(events, AnswerGraded) if e.message.role == role]


def graded(events: list[Event]) -> dict[int, AnswerGraded]:
    return {each.message.of: each.message for each in said(events, AnswerGraded)}


EPISODES: dict[str, Episode] = {
    "solve": Solve(lesson="reference", speak=True),
    "vote": Solve(scorer=Vote()),
    "judge": Solve(scorer=Judge(judgements=2)),
    "propose": Propose(lesson="critique", lesson_on="failed", speak=True),
    "revise with a critic": Revise(),
    "revise with a teacher": Revise(remarks="teacher"),
    "duel": Duel(),
}


@pytest.mark.parametrize("name", EPISODES)
async def test_the_first_prompt_of_a_solver_is_the_task_and_nothing_else(name: str):
    events = await play(EPISODES[name], count=3)
    async with gather() as here:
        for made in said(events, AttemptMade):
            [posed] = [each for each in events if each.seq == made.message.task]
            assert isinstance(posed.message, TaskPosed)
            assert made.utterance is not None
            expected = here.sampler.encode(f"@{posed.message.problem}>")
            assert made.utterance.prompt_tokens == expected


@pytest.mark.parametrize("name", EPISODES)
async def test_what_a_role_says_is_graded_once(name: str):
    events = await play(EPISODES[name], count=3)
    spoken = [e for e in events if e.sender in ROLES and e.utterance and e.utterance.tokens]
    excluded = [e.seq for e in said(events, ErrorPlanted) if e.seq not in graded(events)]
    expected = sorted({e.seq for e in spoken} - set(excluded))
    assert sorted(each.message.of for each in said(events, AnswerGraded)) == expected


async def test_agent0_pays_only_where_the_vote_gives_the_answer_that_was_built_in():
    episode = Propose(examiner_reward="agent0", guided=False, scorer=Vote())
    events = await play(episode, count=12)
    checked = {e.message.task: e.message for e in said(events, TaskChecked)}
    texts = {e.seq: e.message.attempt for e in said(events, AttemptMade)}
    marks = grades(events, "solver")
    paid, unpaid = 0, 0
    for posed in grades(events, "examiner"):
        of_task = [each for each in marks if each.task == posed.of]
        agreed = {ENV.answer_of(texts[each.of]) for each in of_task if each.parts["vote"]}
        if agreed <= {ENV.answer_of(checked[posed.of].reference)}:
            paid += posed.reward > 0
        else:
            unpaid += 1
            assert posed.reward == 0
    assert paid
    assert unpaid


async def test_a_vote_is_paid_as_the_truth_would_be():
    events = await play(Solve(scorer=Vote(reward="r_zero")), count=3)
    marks = grades(events, "solver")
    texts = {e.seq: e.message.attempt for e in said(events, AttemptMade)}
    for each in marks:
        formed = ENV.answer_of(texts[each.of]) != ""
        assert each.reward == 0.9 * each.parts["vote"] + 0.1 * formed
    assert len({each.reward for each in marks}) > 1


async def test_a_duel_of_outcomes_makes_an_error_that_is_none_lose():
    events = await play(Duel(examiner_reward="outcome"))
    planted = said(events, ErrorPlanted)
    marks = graded(events)
    assert all(event.seq in marks for event in planted)
    problems = {e.seq: e.message.problem for e in said(events, TaskPosed)}
    right = [
        event
        for event in planted
        if ENV.grade_attempt(problems[event.task or 0], event.message.attempt).parts["correct"]
    ]
    assert right
    assert {marks[event.seq].reward for event in right} == {-1.0}


async def test_a_hint_is_shown_only_where_all_failed():
    events = await play(Solve(hint="on_all_fail", hint_from="reference", hinted=2), count=12)
    asks = [e.message for e in said(events, SolveTask)]
    marks = graded(events)
    for task in {each.task for each in asks}:
        made = [e for e in said(events, AttemptMade) if e.message.task == task]
        first = [e for e in made if not e.message.hint]
        solved = sum(marks[e.seq].reward for e in first)
        assert len(made) - len(first) == (2 if solved == 0 else 0)


async def test_a_hint_from_the_reference_is_its_first_part_and_its_answer():
    events = await play(
        Solve(hint="always", hint_from="reference", hint_reveal=0.5, hinted=1), count=4
    )
    for made in [e for e in said(events, AttemptMade) if e.message.hint]:
        [checked] = [e.message for e in said(events, TaskChecked) if e.task == made.task]
        steps = ENV.steps(checked.reference)
        assert made.message.hint == "".join([*steps[:2], steps[-1]])


async def test_a_group_that_is_solved_sometimes_gets_more_attempts():
    events = await play(Solve(extra=3), count=12, temperature=1.0)
    marks = graded(events)
    sizes = set()
    for task in {e.message.task for e in said(events, AttemptMade)}:
        made = [e for e in said(events, AttemptMade) if e.message.task == task]
        solved = sum(marks[e.seq].reward for e in made[:8])
        assert len(made) == (11 if 0 < solved < 8 else 8)
        sizes.add(len(made))
    assert sizes == {8, 11}


async def test_a_vote_pays_the_majority_and_keeps_the_truth_beside_it():
    events = await play(Solve(scorer=Vote()))
    for task in {e.message.task for e in said(events, AttemptMade)}:
        made = [e.message for e in said(events, AttemptMade) if e.message.task == task]
        answers = [ENV.answer_of(each.attempt) for each in made]
        known = [each for each in answers if each]
        most = max(map(known.count, known), default=0)
        winner = min((each for each in known if known.count(each) == most), default="")
        marks = [g for g in grades(events, "solver") if g.task == task]
        assert [g.reward for g in marks] == [float(a != "" and a == winner) for a in answers]
        assert all("correct" in g.parts for g in marks)


async def test_a_soft_vote_pays_the_share_of_an_answer():
    events = await play(Solve(scorer=Vote(soft=True)))
    assert all(g.reward == g.parts["share"] for g in grades(events, "solver"))
    assert any(0 < g.reward < 1 for g in grades(events, "solver"))


async def test_a_judge_pays_the_share_of_its_judgements():
    events = await play(Solve(scorer=Judge(judgements=3)), count=3)
    for mark in grades(events, "solver"):
        found = [e.message for e in said(events, CritiqueWritten) if e.message.of == mark.of]
        assert mark.reward == pytest.approx(sum(each.verdict for each in found) / 3)


async def test_the_likelihood_pays_what_the_policy_finds_probable():
    events = await play(Solve(scorer=Likelihood()), count=2)
    marks = graded(events)
    made = said(events, AttemptMade)
    likely = max(made, key=lambda e: sum(e.utterance.logprobs) / len(e.utterance.logprobs))
    assert marks[likely.seq].reward == max(marks[e.seq].reward for e in made)


@pytest.mark.parametrize(
    ("reveal", "shown"), [(0.0, ["m"]), (0.5, ["k", "l", "o"]), (1.0, ["k", "l", "m", "n", "o"])]
)
async def test_a_view_reveals_a_part_and_the_answer(reveal: float, shown: list[str]):
    events = await play(Solve(lesson="reference", reveal=reveal), count=2)
    for lesson in said(events, GiveLesson):
        [checked] = [e.message for e in said(events, TaskChecked) if e.task == lesson.task]
        steps = ENV.steps(checked.reference)
        known = ENV.steps(lesson.message.reference)
        assert known[-1] == steps[-1]
        assert len(known) == len(shown)


async def test_a_sibling_view_shows_another_right_attempt():
    events = await play(Solve(lesson="sibling", num_generations=16), count=6)
    marks, texts = graded(events), {e.seq: e.message.attempt for e in said(events, AttemptMade)}
    lessons = said(events, GiveLesson)
    assert lessons
    for lesson in lessons:
        right = [
            seq
            for seq, text in texts.items()
            if text == lesson.message.reference and marks[seq].reward == 1.0
        ]
        assert any(seq != lesson.message.of for seq in right)


async def test_a_revision_follows_the_critique_of_its_attempt():
    events = await play(Revise())
    critiques = {e.message.of: e.message.critique for e in said(events, CritiqueWritten)}
    asks = [e.message for e in said(events, ReviseAttempt)]
    assert asks
    assert [each.critique for each in asks] == [critiques[each.of] for each in asks]
    assert {e.message.of for e in said(events, AttemptRevised)} == {each.of for each in asks}


async def test_only_failed_attempts_are_revised_and_only_flagged_ones_where_wanted():
    events = await play(Revise())
    marks = graded(events)
    assert all(marks[e.message.of].reward == 0.0 for e in said(events, ReviseAttempt))
    events = await play(Revise(revise="flagged"))
    verdicts = {e.message.of: e.message.verdict for e in said(events, CritiqueWritten)}
    assert not any(verdicts[e.message.of] for e in said(events, ReviseAttempt))


async def test_a_critic_that_is_paid_for_the_retry_earns_what_it_mends():
    events = await play(Revise(critic_reward="retry", revise="all"))
    marks = graded(events)
    for check in said(events, CritiqueWritten):
        after = [e.seq for e in said(events, AttemptRevised) if e.message.of == check.message.of]
        failed = marks[check.message.of].reward == 0.0
        mended = max(marks[seq].parts["correct"] for seq in after)
        assert marks[check.seq].reward == (mended if failed else 0.0)


async def test_turns_go_on_from_the_revisions():
    events = await play(Revise(turns=3, remarks="none", revise="all"), count=2)
    revised = {e.seq: e.message for e in said(events, AttemptRevised)}
    later = [each for each in revised.values() if each.turn == 3]
    assert later
    assert all(each.of in revised and revised[each.of].turn == 2 for each in later)


async def test_a_stored_attempt_is_what_is_revised():
    problem, attempt = "7k+5l*3m-4", "k+5=2l*3=7m-4=3"
    events = await play(Revise(revise="all"), count=1, problem=problem, attempt=attempt)
    assert said(events, AttemptMade) == []
    assert [e.message.attempt for e in said(events, ReviseAttempt)] == [attempt]


async def test_a_duel_pays_one_what_it_costs_the_other():
    events = await play(Duel())
    marks = graded(events)
    planted = [e.seq for e in said(events, ErrorPlanted) if e.seq in marks]
    assert planted
    for seq in planted:
        [check] = [e for e in said(events, CritiqueWritten) if e.message.of == seq]
        assert marks[check.seq].reward == -marks[seq].reward
        assert abs(marks[seq].reward) == 1.0


async def test_an_invalid_problem_earns_what_the_recipe_says():
    events = await play(Propose(invalid_reward=-0.5), count=30)
    invalid = [e.task for e in said(events, TaskChecked) if not e.message.valid]
    assert invalid
    marks = {g.task: g.reward for g in grades(events, "examiner")}
    assert {marks[task] for task in invalid} == {-0.5}


async def test_lessons_under_the_solvers_own_prompt_show_nothing():
    events = await play(Solve(lesson="self"), count=1)
    prompts = {e.utterance.prompt_tokens for e in said(events, LessonGiven)}
    assert prompts == {e.utterance.prompt_tokens for e in said(events, AttemptMade)}


async def test_actions_see_what_followed_from_those_before_and_earn_what_the_end_is_worth():
    env = Compass()
    async with gather() as here:
        episode = Act(num_generations=3, max_turns=2)
        await here.play(episode, "e1.000", env, Start(difficulty=DIFFICULTY))
        events = list(here.log.read())
        taken, seen = said(events, ActionTaken), said(events, ObservationMade)
        assert [e.message.of for e in seen] == [e.seq for e in taken]
        for ask in [e.message for e in said(events, TakeAction) if e.message.turn == 2]:
            [first] = [
                e.message for e in taken if (e.message.index, e.message.turn) == (ask.index, 1)
            ]
            assert ask.history == f"{first.action}|n|"
    assert {
        len({g.reward for g in grades(events, "solver") if g.of in rollout})
        for rollout in rollouts(taken)
    } == {1}


def rollouts(taken: list[Event]) -> list[set[int]]:
    return [{e.seq for e in taken if e.message.index == index} for index in range(3)]


class Compass(ChainTasks):
    """Chains in which every action is answered by a letter."""

    def __init__(self) -> None:
        super().__init__({})

    def act(self, problem: str, actions: Sequence[str]) -> Observation:
        return Observation(text="n", done=len(actions) > 2 or not problem)


async def test_a_correction_is_worth_what_it_mends_only_if_it_found_the_fault():
    events = await play(Revise(critic_reward="correction", revise="all"))
    marks = graded(events)
    for check in said(events, CritiqueWritten):
        after = [e.seq for e in said(events, AttemptRevised) if e.message.of == check.message.of]
        mended = max(marks[seq].parts["correct"] for seq in after)
        right = marks[check.message.of].parts["correct"] == 1.0
        expected = float(check.message.verdict) if right else mended * (not check.message.verdict)
        assert marks[check.seq].reward == expected


async def test_the_guide_is_never_asked_for_a_step_after_the_last():
    events = await play(Solve(hint="always", hinted=1, num_generations=16), count=8)
    asks = [e for e in events if isinstance(e.message, GiveHint)]
    assert asks
    for ask in asks:
        known = len(ENV.steps(ask.message.partial))
        assert 0 < known < DIFFICULTY


async def test_a_hint_that_is_paid_for_helping_is_compared_with_none_from_the_same_place():
    episode = Solve(hint="on_few", hint_reward="helped", hinted=4, num_generations=4)
    events = await play(episode, count=6)
    marks = graded(events)
    given = said(events, HintGiven)
    assert given
    for hint in given:

        def rate(prefix: str, task: int | None = hint.task) -> float:
            tried = [
                marks[e.seq].reward
                for e in said(events, AttemptRevised)
                if e.task == task and e.message.prefix == prefix
            ]
            assert len(tried) == 4
            return sum(tried) / 4

        partial = hint.message.partial
        assert marks[hint.seq].reward == rate(partial + hint.message.hint) - rate(partial)
