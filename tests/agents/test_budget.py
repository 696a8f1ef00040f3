"""A budget counts the tokens of every role, and the answers that a teacher scores again."""

from typing import Any

import pytest

from simctl.agents.curricula import Frontier
from simctl.agents.memory import recall, spent
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import BatchBuilt, PolicyEvaluated, RoundEnded, RoundStarted
from simctl.store.memory_log import ListLog


def told(rounds: int = 3) -> list[Event]:
    """Rounds of two attempts of 5 tokens, of which a teacher scores 7 again."""
    drafts: list[Draft] = []

    def say(message: Any, producer: str, round_: int, said: Utterance | None = None) -> None:
        pseq = sum(draft.producer == producer for draft in drafts)
        drafts.append(Draft(producer, 0, pseq, message, producer, round=round_, utterance=said))

    for number in range(1, rounds + 1):
        say(RoundStarted(episodes=1), "society", number)
        for index in range(2):
            made = AttemptMade(task=1, index=index, attempt="k")
            say(made, "solver", number, Utterance((1,), (2,) * 5, (-0.1,) * 5))
        say(RoundEnded(episodes=1), "society", number)
        built = BatchBuilt(
            version=number, sources=(), samples=2, tokens=10, digest="", teacher_tokens=7
        )
        say(built, "trainer", number)
        measured = PolicyEvaluated(version=number, suite="s", scores={}, problems=1, tokens=99)
        say(measured, "society", number)
    return ListLog("told").place(drafts)


def test_a_budget_counts_what_was_sampled_and_what_a_teacher_scored_again():
    assert spent(told()) == 3 * (2 * 5 + 7)


@pytest.mark.parametrize("cut", range(1, 19))
def test_a_run_that_broke_off_anywhere_knows_what_it_has_spent(cut: int):
    events = told()[:cut]
    memory = recall(events, Frontier(max_difficulty=6).begin(ChainTasks({})))
    assert memory.tokens + spent(memory.history) == spent(events)
