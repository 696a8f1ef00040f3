"""Somebody looks at a live run in a browser: curves move, causes lead to the weights."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chromium import chromium
from halt import Halt, learnt
from live import SIMCTL, SMALL, Live, ask, finish, start
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENCE = 60_000  # ms
expect.set_options(timeout=PATIENCE)
ROUNDS = 6
LEARNT = "SELECT episode, source, version FROM lineage WHERE role = 'solver' ORDER BY source"
SUITE = 'suite=[{name="near",difficulty=3,problems=20}]'
PARTS = ("overview", "episodes", "weights", "health", "sql", "recipe")


class Visit:
    """A page about a run, and whatever went wrong or left this machine meanwhile."""

    def __init__(self, page: Page, home: str, run_dir: Path) -> None:
        self.page, self.home, self.run_dir = page, home, run_dir
        self.troubles: list[str] = []
        self.hosts: set[str] = set()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("response", lambda answer: self._hear(answer.status, answer.url))

    def go(self, *place: object) -> None:
        """Open a part of the run."""
        self.page.goto(f"{self.home}#/run/{'/'.join(map(str, (self.run_dir.name, *place)))}")

    def _hear(self, status: int, url: str) -> None:
        if status >= 400 and "api/sql" not in url:  # what is refused there is wanted
            self.troubles.append(f"{status} {url}")


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Watch a run from its first round on; whoever asks later finds it finished."""
    runs = tmp_path_factory.mktemp("runs")
    sets = [f"run.rounds={ROUNDS}", "run.eval_every=1", *SMALL[1:-1], SUITE]
    words = [SIMCTL, "serve", runs, "--port", "0"]
    with (
        ExitStack() as halting,
        Live(words, text=True, stdout=-1, stderr=-3) as server,
        chromium() as browser,
    ):
        environment: Mapping[str, str] = os.environ
        halts: list[Halt] = []
        for version in range(1, 5):
            file = runs.with_name(f"halted-{version}")
            halts.append(halting.enter_context(Halt(file, learnt(version), environment)))
            environment = halts[-1].environment
        with start(runs / "watched", sets=sets, env=environment) as run:
            assert server.stdout is not None
            visited = Visit(browser.new_page(), server.stdout.readline().strip(), runs / "watched")
            watch(visited, halts)
            finish(run)
        yield visited
        server.terminate()


def watch(visit: Visit, halts: Sequence[Halt]) -> None:
    """See a curve grow while the run goes on."""
    first, *others = halts
    first.wait()
    visit.go("overview")
    page = visit.page
    expect(page.locator(".state.live")).to_be_visible()
    curve = page.locator(".card", has_text="Held-out accuracy").locator(".chart")
    first.go_on()
    points = 0
    for each in others:  # each time it has more points than before
        each.wait()
        page.wait_for_function(
            "least => +document.querySelector('.chart')?.dataset.points > least", arg=points
        )
        points = int(curve.get_attribute("data-points") or 0)
        each.go_on()


def test_a_live_run_is_seen_to_end(visit: Visit):
    visit.go("overview")
    expect(visit.page.locator(".state.finished")).to_be_visible()
    expect(visit.page.locator(".head")).to_contain_text(f"round {ROUNDS}/{ROUNDS}")


def test_the_slider_takes_the_society_back(visit: Visit):
    visit.go("overview")
    page = visit.page
    slider = page.get_by_label("round", exact=True)
    slider.focus()
    slider.press("Home")
    expect(page.locator(".place")).to_contain_text("round 1 ")
    expect(page.get_by_role("button", name=re.compile("examiner to solver: "))).to_be_attached()
    page.get_by_role("button", name="replay").click()
    expect(page.locator(".place")).to_contain_text(f"round {ROUNDS} ")


def test_an_arrow_of_the_society_leads_to_what_it_carried(visit: Visit):
    visit.go("overview")
    visit.page.get_by_role("button", name=re.compile("solver to critic: ")).press("Enter")
    visit.page.get_by_role("link", name=re.compile("the last: ")).first.click()
    expect(visit.page.locator(".line .who", has_text="critic").first).to_be_visible()


def test_a_cause_is_followed_to_the_weights(visit: Visit):
    learnt, *_ = ask(visit.run_dir, LEARNT)
    seq, version = learnt["source"], learnt["version"]
    visit.go("episodes", version)
    page = visit.page
    page.get_by_role("link", name=str(learnt["episode"])).click()
    page.locator(".line", has=page.get_by_text(f"#{seq}", exact=True)).first.click()
    about = page.locator(".side")
    expect(about).to_contain_text("What led to it")
    expect(about.locator("dd", has_text="in batch")).to_contain_text(f"policy v{version}, in batch")
    about.get_by_role("link", name=f"policy v{version}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Policy v{version}")).to_be_visible()
    made = page.locator(".card", has_text="Made of")
    expect(made).to_contain_text(f"round {version}: its episodes")
    expect(made).to_contain_text("took it")
    page.locator(".card", has_text="Its answers").locator("tbody a").first.click()
    expect(page.locator(".side")).to_contain_text("What came of it")


def test_tokens_wear_their_advantage_and_what_the_teacher_thinks(visit: Visit):
    learnt, *_ = ask(visit.run_dir, LEARNT)
    visit.go("episodes", learnt["version"], learnt["episode"])
    page = visit.page
    shaded = page.locator(".tokens span[title*='advantage']")
    expect(shaded.first).to_be_visible()
    page.get_by_label("tokens by").select_option("surprise")
    expect(shaded).to_have_count(0)


def test_a_question_in_sql_is_answered_and_a_write_refused(visit: Visit):
    visit.go("sql")
    page = visit.page
    field = page.get_by_label("SQL")
    field.fill("SELECT count(*) AS rounds FROM round_ended")
    field.press("Control+Enter")
    expect(page.locator(".tabulator-cell")).to_have_text([str(ROUNDS)])
    field.fill("DELETE FROM events")
    field.press("Control+Enter")
    expect(page.locator(".error")).to_be_visible()
    expect(page.locator(".tabulator")).to_have_count(0)


def test_the_keys_lead_everywhere(visit: Visit):
    visit.go("overview")
    page = visit.page
    for number, part in enumerate(PARTS, 1):
        page.keyboard.press(str(number))
        expect(page.locator("nav a.on")).to_have_text(part)
        if part == "sql":
            page.locator("h1").click()  # out of the field, where a key is a letter
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("r")
    expect(page.get_by_role("link", name="watched")).to_be_visible()


def test_an_answer_that_breaks_off_leaves_the_page_as_it_was(visit: Visit):
    page = visit.page
    page.route("**/api/flows*", lambda route: route.fulfill(status=200, body='[{"said_by":'))
    visit.go("overview")
    page.reload()
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("nav a.on")).to_have_text(PARTS[1])
    page.unroute("**/api/flows*")


@pytest.mark.parametrize("part", PARTS)
def test_a_small_screen_needs_no_scrolling_sideways(visit: Visit, part: str):
    page = visit.page
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    visit.go(part)
    expect(page.locator("main .card").first).to_be_visible()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
    assert size is not None
    page.set_viewport_size(size)


def test_nothing_went_wrong_and_nothing_was_fetched_elsewhere(visit: Visit):
    visit.go("overview")
    expect(visit.page.locator(".chart canvas").first).to_be_visible()
    assert visit.troubles == []
    assert visit.hosts == {urlsplit(visit.home).netloc}
