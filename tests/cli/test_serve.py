"""The page's server: what it answers, and whom it refuses."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from calls import Command
from starlette.testclient import TestClient

from simctl.cli.errors import RunError
from simctl.cli.serve.application import application
from simctl.cli.serve.guard import Guard
from simctl.cli.serve.lender import Lender
from simctl.cli.serve.shelf import Shelf
from simctl.store.access import LOG
from simctl.store.duck import DuckLog

HOME = "http://127.0.0.1:7070"
TOKEN = "a-token-of-some-length"  # noqa: S105 - of no other use
Ask = Callable[..., Any]


@pytest.fixture
def page(told_run: Path) -> TestClient:
    app = Guard(application(Shelf([told_run.parent]), Lender(linger=0)))
    return TestClient(app, base_url=HOME, follow_redirects=False)


@pytest.fixture
def secret(told_run: Path) -> TestClient:
    app = Guard(application(Shelf([told_run.parent]), Lender(linger=0)), TOKEN)
    return TestClient(app, base_url="http://lab.example:7070", follow_redirects=False)


@pytest.fixture
def ask(page: TestClient, told_run: Path) -> Ask:
    def asking(what: str, **question: object) -> Any:
        answer = page.get(f"/api/{what}", params={"run": told_run.name, **question})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asking


@pytest.fixture
def put(page: TestClient, told_run: Path) -> Ask:
    return lambda sql: page.post("/api/sql", json={"run": told_run.name, "sql": sql})


# --- what it answers ----------------------------------------------------------------------------


def test_a_run_is_listed_with_its_scores(ask: Ask, told_run: Path):
    [run] = ask("runs")
    assert (run["name"], run["recipe"], run["state"]) == (told_run.name, "society", "finished")
    assert run["scores"].keys() == {"greedy", "sampled"}


def test_the_curves_are_those_of_the_log(ask: Ask, put: Ask):
    curve = ask("curves")["targets/greedy"]
    sql = "SELECT score FROM learning_curve WHERE suite = 'targets' AND score_name = 'greedy'"
    assert curve["score"] == [row[0] for row in put(f"{sql} ORDER BY version").json()["rows"]]
    assert ask("rounds")["rounds"]["round"] == [1, 2, 3]


def test_what_is_shown_to_whom_is_counted(ask: Ask):
    flows = {
        (each["said_by"], each["heard_by"], each["what"]): each["count"] for each in ask("flows")
    }
    graded = sum(count for (who, *_), count in flows.items() if who == "environment")
    assert graded > 0
    assert flows["examiner", "solver", "task_posed"] > 0


def test_the_flows_of_a_part_are_fewer_than_all(ask: Ask):
    whole, part = (sum(each["count"] for each in ask("flows", until=u)) for u in (0, 20))
    assert 0 < part < whole


def test_an_episode_has_every_message_with_what_became_of_it(ask: Ask):
    first = ask("episodes", round=1)[0]
    read = ask("episode", episode=first["episode"])
    spoken = [each for each in read["messages"] if each["pieces"]]
    assert all(len(each["pieces"]) == len(each["logprobs"]) for each in spoken)
    assert {"reward", "first_wrong", "parts"} <= next(e for e in spoken if "grade" in e)[
        "grade"
    ].keys()


def test_an_event_leads_to_its_causes_and_effects(ask: Ask, put: Ask):
    [[seq, cause]] = put(
        "SELECT seq, cause FROM events WHERE kind = 'answer_graded' LIMIT 1"
    ).json()["rows"]
    graded = ask("event", seq=seq)
    assert [each["seq"] for each in graded["causes"]][-2:] == [cause, seq]
    assert seq in [each["seq"] for each in ask("event", seq=cause)["effects"]]


def test_the_page_follows_causes_as_sql_does(ask: Ask, put: Ask):
    kinds = "'solve_task', 'attempt_made', 'answer_graded', 'lesson_given'"
    asked = f"SELECT max(seq) FROM events WHERE kind IN ({kinds}) AND round = 1 GROUP BY kind"  # noqa: S608
    for [seq] in put(asked).json()["rows"]:
        found = ask("event", seq=seq)
        for name, chain in (("causes", found["causes"]), ("effects", [found, *found["effects"]])):
            rows = put(f"SELECT seq FROM {name}({seq}) WHERE round <= 2").json()["rows"]  # noqa: S608
            assert [[each["seq"]] for each in chain] == rows


def test_a_version_says_what_it_was_made_of(ask: Ask):
    version = ask("version", version=2)
    assert (version["version"], version["parent"], version["round"]) == (2, 1, 2)


def test_what_can_be_asked_is_listed_with_columns(ask: Ask):
    views = {view["name"]: view for view in ask("askable")}
    assert "reward" in views["grades"]["columns"]
    assert views["flows"]["holds"]


def test_the_health_of_a_run_is_told(page: TestClient, told_run: Path):
    answer = page.get("/api/health", params={"run": told_run.name})
    assert answer.json().keys() & {"verdict", "error"}


def test_a_run_differs_from_another_where_they_part(page: TestClient, told_run: Path):
    same = {"run": told_run.name, "other": told_run.name}
    assert "are one run" in page.get("/api/differing", params=same).json()["error"]


def test_sql_answers_with_columns_and_rows(put: Ask):
    found = put(
        "SELECT 1 AS one, 'x' AS one, [1.5::DOUBLE] AS list, 9007199254740993 AS large"
    ).json()
    assert [column["name"] for column in found["columns"]] == ["one", "one", "list", "large"]
    assert found["rows"] == [[1, "x", [1.5], "9007199254740993"]]


def test_numbers_that_json_does_not_know_are_words(put: Ask):
    assert put("SELECT 'nan'::DOUBLE, 'inf'::DOUBLE").json()["rows"] == [["nan", "inf"]]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events",
        "DROP VIEW grades",
        "FROM read_csv('/etc/passwd')",
        "SELECT 1; SELECT 2",
    ],
)
def test_sql_that_writes_or_reads_files_is_refused(put: Ask, sql: str):
    answer = put(sql)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_more_rows_than_a_page_can_show_are_refused(put: Ask):
    assert "add a LIMIT" in put("FROM range(10001)").json()["error"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"run": "no-such"}, "no run no-such here; there are: told-001"),
        ({"seq": "x"}, "seq is 'x'"),
        ({"seq": "999999"}, "there is no event 999999"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(
    page: TestClient, told_run: Path, question: dict[str, str], says: str
):
    answer = page.get("/api/event", params={"run": told_run.name, **question})
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_many_may_ask_at_once_and_then_the_log_is_free(ask: Ask, told_run: Path):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: json.dumps(ask("curves")), range(16)))
    assert len(set(answers)) == 1
    with DuckLog(told_run / LOG, run=told_run.name) as log:
        assert log.last_seq > 0


# --- whom it refuses ----------------------------------------------------------------------------


def test_every_answer_says_that_nothing_foreign_is_loaded(page: TestClient):
    for place in ("/", "/main.js", "/api/runs", "/nothing"):
        headers = page.get(place).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"origin": "null"},
    ],
)
def test_what_another_site_sends_is_refused(page: TestClient, headers: dict[str, str]):
    assert page.get("/api/runs", headers=headers).status_code == 403


def test_a_link_from_elsewhere_leads_to_the_page(page: TestClient):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert page.get("/", headers=headers).status_code == 200


def test_nobody_gets_in_without_the_token(secret: TestClient):
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "simctl=wrong"}):
        for place in ("/", "/api/runs"):
            assert secret.get(place, headers=headers).status_code == 401
    assert secret.get("/?token=wrong").status_code == 401


def test_the_token_lets_in_and_leaves_the_address(secret: TestClient):
    first = secret.get("/", params={"token": TOKEN})
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert "httponly" in first.headers["set-cookie"].lower()
    assert secret.get("/api/runs").status_code == 200


def test_a_program_gives_the_token_as_bearer(secret: TestClient):
    answer = secret.get("/api/runs", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "192.0.2.1"], "give a --token"),
        (["--token", "short"], "could be guessed"),
        (["nowhere"], "nowhere is no directory"),
    ],
)
def test_a_page_that_would_be_unsafe_or_empty_is_not_served(
    simctl: Command, words: list[str], says: str
):
    said = simctl("serve", *words)
    assert said.code == 2
    assert says in said.err


def test_a_port_that_is_taken_is_told(simctl: Command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = simctl("serve", "--port", taken.getsockname()[1])
    assert said.code == 2
    assert "name another with --port" in said.err


# --- the shelf ----------------------------------------------------------------------------------


def test_runs_of_one_name_are_told_apart_by_their_directories(told_run: Path, tmp_path: Path):
    other = tmp_path / "others" / told_run.name
    other.mkdir(parents=True)
    (other / "run.toml").write_text("name = 'x'\n", encoding="utf-8")
    shelf = Shelf([told_run, other.parent])
    assert list(shelf.runs) == [told_run.name, f"others:{told_run.name}"]
    assert shelf.find(f"others:{told_run.name}") == other


def test_a_run_is_not_found_outside_its_places(told_run: Path):
    with pytest.raises(RunError, match="no run"):
        Shelf([told_run]).find(f"../{told_run.parent.name}/{told_run.name}")


def test_the_page_is_there_before_torch_is_loaded():
    asked = "import sys, simctl.cli.serve.server; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
