import io
from pathlib import Path

import pytest
import told
from rich.console import Console

from simctl.bus.event import Draft, Event
from simctl.bus.messages import AlarmRaised, BatchBuilt, CopyPromoted, PolicyEvaluated
from simctl.cli.figures import count, duration, share, spark, trend
from simctl.cli.panel import panel
from simctl.cli.progress import Progress
from simctl.cli.recipe import Recipe, load
from simctl.cli.show import Lines, Panels, View, view
from simctl.cli.state import fold
from simctl.cli.summary import summarise
from simctl.store.memory_log import ListLog

RUN = Path("runs/told-001")


@pytest.fixture
def recipe() -> Recipe:
    return load("society", ["run.rounds=3"])


@pytest.fixture
def events(recipe: Recipe) -> list[Event]:
    return list(told.events(recipe))


def heard(events: list[Event], seconds: float = 0.1) -> Progress:
    progress = Progress()
    for at, event in enumerate(events):
        progress.hear(event, 1000 + at * seconds)
    return progress


def drawn(progress: Progress, recipe: Recipe, width: int, height: int = 24) -> str:
    console = Console(file=io.StringIO(), width=width, height=height)
    with console.capture() as capture:
        console.print(panel(progress, recipe, RUN, width, height))
    return capture.get()


def test_progress_counts_what_the_log_counts(recipe: Recipe, events: list[Event]):
    log = ListLog("told")
    log.place(told.tale(recipe))
    [row] = log.query("select sum(sampled_tokens)::int n from tokens_by_role").to_pylist()
    progress = heard(events)
    assert (progress.tokens, progress.events) == (row["n"], log.last_seq)


def test_progress_knows_round_policy_and_curve(events: list[Event]):
    progress = heard(events)
    assert (progress.round, progress.version, progress.phase) == (3, 3, "finished")
    assert [point.scores["greedy"] for point in progress.curves["targets"]] == [0.0, 0.3, 0.6, 0.9]


def test_rewards_are_kept_by_role_and_round(events: list[Event]):
    assert heard(events).roles["solver"].means() == [0.5, 0.5, 0.5]


def test_a_run_is_as_far_as_its_rounds_and_episodes(events: list[Event]):
    middle = next(at for at, event in enumerate(events) if event.episode == "e2.001")
    assert heard(events[:middle]).share_done(3, None) == pytest.approx(0.5)


def test_a_budget_of_tokens_can_end_a_run_earlier(events: list[Event]):
    progress = heard(events[:-1])
    assert progress.share_done(1000, progress.tokens) == 1.0


def test_progress_towards_a_budget_counts_what_a_teacher_scores_again(recipe: Recipe):
    drafts = told.tale(recipe, ended=False)
    taught = BatchBuilt(version=3, sources=(), samples=1, tokens=1, digest="", teacher_tokens=526)
    drafts.append(Draft("trainer", 1, 0, taught, "trainer", round=3))
    assert heard(ListLog("told").place(drafts)).share_done(1000, 2000) == (474 + 526) / 2000


def test_the_time_left_follows_the_pace_of_the_rounds(events: list[Event]):
    start = [at for at, event in enumerate(events) if event.kind == "round_started"]
    progress = heard(events[: start[2] + 1])
    assert progress.seconds_left(10, None) == pytest.approx(8 * (start[2] - start[0]) / 2 * 0.1)


def test_time_outside_a_run_does_not_count(events: list[Event]):
    progress = Progress()
    progress.hear(events[0], 10.0)
    progress.hear(events[1], 11.0)
    progress.pause()
    progress.hear(events[2], 5000.0)
    progress.hear(events[3], 5001.0)
    assert progress.seconds == 2.0


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 24), (120, 40), (140, 60)])
def test_the_panel_fits_any_terminal(recipe: Recipe, events: list[Event], size: tuple[int, int]):
    ill = AlarmRaised(name="x", value=0.0, bound=1.0, since=1, text="something is wrong " * 9)
    story = told.Story()
    for name in "abcde":
        story.tell(ill.model_copy(update={"name": name}))
    alarms = ListLog("told").place(story.drafts)
    for heard_of in ([], events[:1], events[:30], events, [*events, *alarms]):
        lines = drawn(heard(heard_of), recipe, *size).splitlines()
        assert max(len(line) for line in lines) <= size[0]
        assert len(lines) < size[1]


def test_alarms_come_before_the_talk_where_rows_are_few(recipe: Recipe, events: list[Event]):
    alarm = AlarmRaised(name="x", value=0.0, bound=1.0, since=1, text="all is wrong")
    story = told.Story()
    story.tell(alarm)
    picture = drawn(heard([*events, *ListLog("told").place(story.drafts)]), recipe, 80, 14)
    assert ("all is wrong" in picture, told.WRONG in picture) == (True, False)


def test_the_panel_shows_the_run_its_accuracy_and_who_said_what(
    recipe: Recipe, events: list[Event]
):
    picture = drawn(heard(events), recipe, 120)
    for words in ("society", "seed 0", "round 3/3", "targets", ".00 → .90", "solver", told.WRONG):
        assert words in picture


def test_the_summary_shows_the_curve_the_rewards_and_what_it_cost(events: list[Event]):
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        summarise(console, heard(events), RUN)
    for words in ("Held-out accuracy", ".90 .45", "examiner", "474 tokens sampled", str(RUN)):
        assert words in capture.get()


def play(shown: View, recipe: Recipe, events: list[Event]) -> None:
    shown.started(RUN, recipe)
    for event in events:
        shown.hear(event)
    shown.close()


def test_without_a_terminal_every_round_and_evaluation_is_a_line(
    recipe: Recipe, events: list[Event]
):
    console = Console(file=io.StringIO(), width=40)
    with console.capture() as capture:
        play(Lines(console, clock=lambda: 0.0), recipe, events)
    lines = capture.get().splitlines()
    assert lines[0] == "run runs/told-001: recipe society, seed 0"
    assert sum(line.startswith("round ") for line in lines) == 3
    assert sum(" on targets: greedy" in line for line in lines) == 4


def test_who_has_weights_of_their_own_and_a_promotion_are_said(events: list[Event]):
    apart = load("society", ['trainer.separate=["examiner", "guide"]'])
    story = told.Story()
    promoted = {"version": 4, "of": 70, "gain": 0.125, "average": 0.04, "steps": 10, "sources": ()}
    story.tell(CopyPromoted.model_validate(promoted))
    console = Console(file=io.StringIO(), width=40)
    with console.capture() as capture:
        play(Lines(console, clock=lambda: 0.0), apart, ListLog().place(story.drafts))
    first, second = capture.get().splitlines()
    assert first.endswith("recipe society, seed 0, own weights: examiner, guide")
    assert "policy v4 goes on from the copy that sat exam 70: it solved +12% of it" in second
    assert "own weights: examiner, guide" in drawn(heard(events), apart, 120)


def test_a_run_that_waits_says_so_until_it_goes_on(recipe: Recipe, events: list[Event]):
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        Lines(console).warn("the disk is full")
    assert capture.get() == "! the disk is full\n"
    shown = View(console)
    shown.warn("the disk is full")
    assert "the disk is full" in drawn(shown.progress, recipe, 80)
    shown.hear(events[0])
    assert "the disk is full" not in drawn(shown.progress, recipe, 80)


def test_a_trouble_that_is_none_of_the_runs_is_said_at_once():
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as capture:
        Lines(console).note("wandb was not told all")
    assert capture.get() == "! wandb was not told all\n"


def test_an_alarm_is_shown_from_its_beginning_to_its_end(recipe: Recipe):
    text = "2% of the tasks are valid"
    began = AlarmRaised(name="valid", value=0.02, bound=0.7, since=2, text=text)
    story = told.Story()
    story.tell(began)
    story.tell(began.model_copy(update={"over": True, "text": "90% of the tasks are valid"}))
    on, over = ListLog().place(story.drafts)
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        shown = Lines(console, clock=lambda: 0.0)
        shown.hear(on)
        summarise(console, shown.progress, RUN)
        shown.hear(over)
    lines = [line for line in capture.get().splitlines() if "alarm" in line.lower()]
    assert lines == [
        f"! alarm valid since round 2: {text}",
        f"! Alarm valid since round 2: {text}",
        "  alarm valid is over: 90% of the tasks are valid",
    ]
    assert f"! since round 2 {text}" in drawn(heard([on]), recipe, 100)
    assert text not in drawn(heard([on, over]), recipe, 100)


def test_the_view_that_fits_is_chosen():
    terminal, pipe = Console(file=io.StringIO(), force_terminal=True), Console(file=io.StringIO())
    chosen = [type(view(console)) for console in (terminal, pipe)]
    assert [*chosen, type(view(terminal, quiet=True))] == [Panels, Lines, View]


def test_a_live_panel_leaves_its_last_picture(recipe: Recipe, events: list[Event]):
    screen = io.StringIO()
    shown = Panels(Console(file=screen, force_terminal=True, width=110), clock=lambda: 0.0)
    play(shown, recipe, events)
    assert "round 3" in screen.getvalue().replace("\x1b[2m", "").replace("\x1b[0m", "").replace(
        "\x1b[1m", ""
    )


def test_the_state_of_a_log_does_not_depend_on_the_name_of_the_run(recipe: Recipe):
    other = ListLog("another name").place(told.tale(recipe))
    assert fold(other, recipe) == fold(told.events(recipe), recipe)


def test_one_event_more_is_another_state(recipe: Recipe, events: list[Event]):
    hashes = {fold(events[:length], recipe).hash for length in range(len(events) + 1)}
    assert len(hashes) == len(events) + 1


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (812, "812"), (41_300, "41.3k"), (1_200_000, "1.20M")]
)
def test_a_count_has_three_digits(number: float, text: str):
    assert count(number) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0, ".00"), (0.416, ".42"), (1, "1.00"), (-0.5, "-.50")]
)
def test_a_share_has_two_digits(value: float | None, text: str):
    assert share(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "-"), (42, "0:42"), (3723, "1:02:03")])
def test_a_duration_is_a_clock(seconds: float | None, text: str):
    assert duration(seconds) == text


def test_a_spark_never_grows_wider():
    assert [spark([], 4), spark([0, 1], 4), len(spark([0.5] * 99, 4))] == ["", "▁█", 4]


def test_a_trend_needs_a_change():
    assert [trend(each) for each in ([], [0.5] * 9, [0, 0.5, 1], [1, 0.5, 0])] == list("→→↗↘")


def test_a_table_of_many_suites_fits_beside_the_chart(recipe: Recipe):
    story = told.Story()
    for at in range(10):
        score = {"greedy": 0.5, "sampled": 0.5}
        story.tell(PolicyEvaluated(version=0, suite=f"suite-{at}", scores=score, problems=1))
    events = [*ListLog("told").place(story.drafts), *told.events(recipe)]
    assert len(drawn(heard(events), recipe, 120, 30).splitlines()) < 30
