"""A run whose versions come in flight promises what any other does, but one course for a seed."""

import re
from pathlib import Path
from random import Random

import pytest
from kills import Witness, doubled, plan_kills, suffer
from live import SMALL, ask, assert_whole, chain, finish, simctl, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 4
FLYING = [*SMALL, "trainer.max_staleness=1", "trainer.in_flight=true"]
# answers that take many times as long as what is learnt from them, and so many rounds of them
LONG = [
    *FLYING,
    "run.rounds=6",
    "run.episodes=8",
    "episode.sampling.temperature=8.0",
    "episode.sampling.max_completion_length=1500",
]
# tokens of versions whose proof does not stand before them
UNPROVED = """
SELECT count(*) AS n FROM (
    SELECT seq, span[1] AS version FROM attempt_made, unnest(versions) AS t(span)
    UNION ALL SELECT seq, policy_version FROM events WHERE len(tokens) > 0
) said WHERE version > 0 AND NOT EXISTS (
    SELECT 1 FROM policy_synced p WHERE p.ok AND p.version = said.version AND p.seq < said.seq
)
"""
SPANS = """
SELECT seq, policy_version, versions, token_count FROM attempt_made WHERE len(versions) > 0
"""


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "flown"
    finish(start(run_dir, "grpo", sets=LONG))
    return run_dir


def test_versions_come_amid_answers_and_the_log_says_which_said_what(flown: Path):
    spanned = ask(flown, SPANS)
    assert spanned
    for each in spanned:
        versions = [version for version, _ in each["versions"]]
        assert versions == sorted(set(versions))
        assert each["policy_version"] == versions[0]
        assert sum(tokens for _, tokens in each["versions"]) == each["token_count"]


def test_a_version_says_nothing_before_the_log_has_that_it_was_proved(flown: Path):
    assert ask(flown, UNPROVED) == [{"n": 0}]


def test_a_transcript_says_which_version_said_how_many_tokens(flown: Path):
    episode = "SELECT any_value(episode) AS name FROM attempt_made WHERE len(versions) > 0"
    [first] = ask(flown, episode)
    shown = simctl("replay", flown, "--episode", str(first["name"])).stdout
    assert re.search(r"v\d+ \d+ tokens, v\d+ \d+ tokens", " ".join(shown.split()))


def test_it_is_said_and_learnt_again_to_the_last_bit(flown: Path):
    for only in ([], ["--only", "agents"]):
        verified = simctl("verify", flown, *only)
        assert "divergences  0" in verified.stdout


def test_an_answer_is_as_stale_as_its_oldest_token(flown: Path):
    [told] = ask(
        flown,
        "SELECT max(u.metrics['staleness/max'] - (u.parent - a.oldest)) AS apart FROM"
        " policy_updated u JOIN (SELECT round, min(policy_version) AS oldest FROM attempt_made"
        " GROUP BY round) a ON a.round = u.version",
    )
    assert told["apart"] == 0


def test_killed_anywhere_it_loses_nothing_and_says_the_same_again(ahead: Path, tmp_path: Path):
    witness = Witness(tmp_path / "broken")
    planned = plan_kills(Random(KILLS), KILLS, len(chain(ahead)))  # noqa: S311
    assert suffer(witness, planned, FLYING)
    assert_whole(witness.run_dir)
    assert doubled(witness.run_dir) == 0
    verified = simctl("verify", witness.run_dir)
    assert verified.returncode == 0, verified.stdout


def test_a_fork_amid_a_round_goes_on_with_the_version_that_served_there(
    flown: Path, tmp_path: Path
):
    [place] = ask(
        flown,
        "SELECT max(p.seq) AS at, arg_max(p.version, p.seq) AS version FROM policy_synced p"
        " JOIN attempt_made a ON a.round > p.round AND a.seq > p.seq WHERE p.ok",
    )
    fork = tmp_path / "fork"
    made = simctl("fork", flown, "--at", str(place["at"]), "--run-dir", fork)
    assert made.returncode == 0, made.stdout + made.stderr
    sql = "SELECT min(policy_version) AS version FROM events WHERE len(tokens) > 0 AND seq > {at}"
    assert ask(fork, sql.format(**place)) == [{"version": place["version"]}]
