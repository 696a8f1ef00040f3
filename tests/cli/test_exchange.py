"""What the society says right now: one exchange at a time, and who holds what."""

import io

import pytest
import told
from rich.console import Console

from simctl.bus.event import Event
from simctl.bus.messages import AnyMessage
from simctl.bus.workers import LeaseExpired, WorkerJoined, WorkerLeft, WorkerSynced, WorkLeased
from simctl.cli.crew import Crew
from simctl.cli.exchange import Exchange, Exchanges, retell
from simctl.cli.progress import Progress
from simctl.cli.recipe import load
from simctl.cli.talk import crew_lines, exchange_lines
from simctl.store.memory_log import ListLog


@pytest.fixture
def events() -> list[Event]:
    return list(told.events(load("society", ["run.rounds=3"])))


def of_episode(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if event.episode == name]


def drawn(exchange: Exchange, width: int, rows: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(exchange_lines(exchange, width, rows))
    return capture.get().splitlines()


def test_an_exchange_is_the_attempt_that_was_criticised_and_what_was_said_of_it(
    events: list[Event],
):
    exchange = retell(of_episode(events, "e2.001"))
    assert [each.event.kind for each in exchange.sayings] == [
        "task_posed",
        "attempt_made",
        "critique_written",
        "lesson_given",
    ]
    rewards = [each.grade and each.grade.reward for each in exchange.sayings]
    assert (rewards, exchange.attempts) == ([1.0, 0.0, 1.0, None], 2)


def test_an_episode_without_a_word_gives_no_exchange():
    assert retell([]) == Exchange()


def test_an_exchange_stays_long_enough_to_be_read(events: list[Event]):
    exchanges, shown = Exchanges(), []
    for seconds, event in enumerate(events):
        exchanges.hear(event, seconds / 10)
        if exchanges.exchange.episode not in shown:
            shown.append(exchanges.exchange.episode)
    assert shown == ["", "e1.000", "e3.000"]


def test_an_exchange_says_what_each_line_was_worth(events: list[Event]):
    lines = drawn(retell(of_episode(events, "e1.000")), 74, 9)
    assert [line.split()[1:5] for line in lines[:3]] == [
        ["examiner", "poses", "✓", "1.00"],
        ["solver", "tries", "✗", ".00"],
        ["critic", "objects", "✓", "1.00"],
    ]


@pytest.mark.parametrize("rows", [2, 3, 5, 9])
def test_an_exchange_takes_no_more_rows_than_there_are(events: list[Event], rows: int):
    assert len(drawn(retell(of_episode(events, "e1.000")), 50, rows)) <= rows - 1


def crew(*messages: AnyMessage) -> Crew:
    story = told.Story()
    for message in messages:
        story.tell(message)
    found = Crew()
    for event in ListLog("told").place(story.drafts):
        found.hear(event)
    return found


ANNA = WorkerJoined(worker="anna", session="a", roles=("solver", "critic"), capacity=8)
BERT = WorkerJoined(worker="bert", session="b", roles=("examiner",), capacity=8)


def test_a_crew_says_who_is_there_and_what_they_hold():
    lines = crew_lines(
        crew(
            ANNA,
            BERT,
            WorkerSynced(worker="anna", version=3, ok=True),
            WorkLeased(worker="anna", asks=(4, 5, 6)),
            WorkLeased(worker="bert", asks=(7,)),
            LeaseExpired(worker="anna", asks=(5,), reason="silent"),
            WorkerLeft(worker="bert", reason="said goodbye"),
        ),
        4,
    )
    assert [line.plain.split() for line in lines] == [
        ["●", "anna", "holds", "2", "v3", "solver", "critic"],
        ["○", "bert", "left:", "said", "goodbye"],
    ]


def test_a_crew_is_one_line_where_there_is_no_room():
    [line] = crew_lines(crew(ANNA, BERT, WorkLeased(worker="bert", asks=(7,))), 1)
    assert line.plain == "workers  ● anna holds 0  ● bert holds 1"


def test_who_answers_an_ask_holds_it_no_more(events: list[Event]):
    made = next(event for event in events if event.kind == "attempt_made")
    assert made.cause is not None
    story = told.Story()
    story.tell(ANNA.model_copy(update={"worker": made.producer}))
    story.tell(WorkLeased(worker=made.producer, asks=(made.cause, 99)))
    progress = Progress()
    for event in [*ListLog("told").place(story.drafts), made]:
        progress.hear(event, 0.0)
    assert progress.crew.members[made.producer].held == {99}
