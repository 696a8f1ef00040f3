import asyncio
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from company import CommitLog, again, gather

from simctl.agents.agent import Answer, Voice
from simctl.agents.curriculum import Start
from simctl.agents.episodes.propose import Propose
from simctl.agents.episodes.solve import Solve
from simctl.agents.guide import Guide
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.agents.stage import RoleFailedError
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.answers import (
    LessonGiven,
    TaskPosed,
)
from simctl.bus.asks import ROLES, GiveLesson, JudgeTask, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    EpisodeEnded,
    EpisodeStarted,
    TaskChecked,
)
from simctl.store.memory_log import ListLog

ENV = ChainTasks({10: 300})
SEMINAR = Propose(hint="on_all_fail", lesson="critique", lesson_on="failed", taught=2, speak=True)


async def play(count: int = 6, **others: Any) -> list[Event]:
    async with gather(**others) as here, asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(here.play(SEMINAR, f"e1.{index:03d}", ENV, Start()))
    return list(here.log.read())


async def test_all_five_roles_take_part_in_a_seminar():
    events = await play()
    assert {event.sender for event in events} >= set(ROLES)


async def test_every_ask_is_answered_as_often_as_it_wants():
    events = await play()
    for ask in (event for event in events if event.recipient in ROLES):
        answers = [event for event in events if event.cause == ask.seq]
        assert len(answers) == ask.message.answers


async def test_what_a_role_says_is_graded_once():
    events = await play()
    graded = [event.message.of for event in events if isinstance(event.message, AnswerGraded)]
    spoken = [event.seq for event in events if event.sender in ROLES and event.utterance.tokens]
    assert sorted(graded) == sorted(spoken)


async def test_the_solver_sees_the_problem_and_nothing_privileged():
    events = await play(count=10)
    async with gather() as here:
        for event in events:
            if isinstance(event.message, SolveTask) and not event.message.prefix:
                expected = here.sampler.encode(f"@{event.message.problem}>")
                answers = [each for each in events if each.cause == event.seq]
                assert {each.utterance.prompt_tokens for each in answers} == {expected}


async def test_the_text_of_an_answer_is_what_its_tokens_say():
    events = await play()
    async with gather() as here:
        for event in events:
            if event.kind == "attempt_made" and not event.message.truncated:
                assert here.sampler.encode(event.message.attempt + "\n") == event.utterance.tokens


async def test_the_same_seed_gives_the_same_chain():
    first, second = await play(), await play()
    assert [event.hash for event in first] == [event.hash for event in second]


async def test_an_examiner_earns_nothing_for_an_invalid_problem():
    class Mumbler:
        async def handle(self, _: Event) -> list[Answer]:
            return [Answer(TaskPosed(problem="7k+5l*"))]

    async with gather(agents={"examiner": Mumbler()}) as here:
        ended = await here.play(SEMINAR, "e1.000", ENV, Start())
    [grade] = [each.message for each in here.log.read() if each.kind == "answer_graded"]
    assert ended.outcome == "invalid_task"
    assert (grade.reward, grade.parts["valid"]) == (0.0, 0.0)


async def test_a_silent_teacher_lays_out_the_reference():
    async with gather() as here:
        episode = Solve(num_generations=3, lesson="reference")
        await here.play(episode, "e1.000", ENV, Start(difficulty=4))
    events = list(here.log.read())
    asks = [event.message for event in events if isinstance(event.message, GiveLesson)]
    lessons = [event for event in events if isinstance(event.message, LessonGiven)]
    assert len(lessons) == 3
    for ask, lesson in zip(asks, lessons, strict=True):
        view = f"&{ask.reference}|{ask.problem}>"
        assert lesson.utterance.prompt_tokens == here.sampler.encode(view)
        assert lesson.utterance.tokens == ()


async def test_what_an_episode_finds_is_in_the_commit_of_what_it_says_next():
    log = CommitLog()
    async with gather(log) as here:
        await here.play(Solve(num_generations=2), "e1.000", ENV, Start(difficulty=3))
    kinds = [event.kind for event in log.read()]
    assert [kinds[begin:end] for begin, end in pairwise([0, *log.commits])] == [
        ["task_posed"],
        ["task_checked", "solve_task"],
        ["attempt_made", "attempt_made"],
        ["answer_graded", "answer_graded", "episode_ended"],
    ]


async def test_what_was_found_before_a_role_failed_is_in_the_log():
    class Broken:
        async def handle(self, asked: Event) -> list[Answer]:
            raise RuntimeError(f"no voice for {asked.kind}")

    async with gather(agents={"solver": Broken()}) as here:
        stage = here.stage("e1.000")
        stage.note(EpisodeStarted(name="any"))
        with pytest.raises(RoleFailedError):
            await stage.ask("solver", SolveTask(task=1, problem="k", n=1))
        stage.note(TaskChecked(task=1, valid=False, gates={}))
        await stage.end(EpisodeEnded(outcome="failed"))
    assert [event.kind for event in here.log.read()] == [
        "episode_started",
        "solve_task",
        "role_failed",
        "task_checked",
        "episode_ended",
    ]


async def test_a_role_that_fails_is_named_and_its_failure_is_in_the_log():
    class Broken:
        async def handle(self, asked: Event) -> list[Answer]:
            raise RuntimeError(f"no voice for {asked.kind}")

    async with gather(agents={"solver": Broken()}) as here:
        with pytest.raises(RoleFailedError, match="solver: RuntimeError: no voice for solve_task"):
            await here.play(Solve(), "e1.000", ENV, Start(difficulty=3))
    assert "role_failed" in [event.kind for event in here.log.read()]


async def test_a_model_call_that_fails_is_the_failure_of_the_role_that_asked(
    monkeypatch: pytest.MonkeyPatch,
):
    async with gather() as here:
        ask = SolveTask(task=1, problem="€", n=1)  # not a word of this policy's
        monkeypatch.setattr(Vocabulary, "encode", _unreadable)
        with pytest.raises(RoleFailedError, match="solver: ValueError: unreadable"):
            await here.stage("e1.000").ask("solver", ask)
        await here.stage("e1.001").end(EpisodeEnded(outcome="failed"))
    assert [event.kind for event in here.log.read()][-2:] == ["role_failed", "episode_ended"]


def _unreadable(_: Vocabulary, text: str) -> tuple[int, ...]:
    raise ValueError(f"unreadable: {text}")


@pytest.mark.parametrize(
    ("said", "clean"), [("^", 0.9), ("~", pytest.approx(0.1)), ("k", 0.0), ("", 0.0)]
)
async def test_only_the_clean_judgement_clears_a_problem(said: str, clean: float):
    class Teller:
        version = 0

        def encode(self, text: str) -> tuple[int, ...]:
            return (len(text),)

        async def sample(self, requests: Sequence[Request]) -> list[Completion]:
            return [
                Completion((1,), (2,), (math.log(0.9),), said, truncated=False, policy_version=0)
                for _ in requests
            ]

    async with gather(agents={"guide": Guide(Voice(Teller(), 0))}) as here:
        ask = JudgeTask(task=1, problem="7k+5")
        [judged] = await here.stage("e1.000").ask("guide", ask)
    assert judged.message.clean == clean


async def test_an_episode_played_again_says_nothing_twice_and_asks_nothing_twice():
    log = CommitLog()
    whole = await play(count=3, log=log)
    for cut in log.commits[::4]:
        broken_off = ListLog()
        await broken_off.append([again(event) for event in whole[:cut]])
        resumed = await play(count=3, log=broken_off, epoch=2)
        assert resumed[:cut] == whole[:cut]
        assert _said(resumed) == _said(whole)


def _said(events: list[Event]) -> list[tuple[object, ...]]:
    """What was said by whom in each episode, wherever it stands in the log."""
    return sorted((each.episode, each.sender, each.kind, str(each.utterance)) for each in events)
