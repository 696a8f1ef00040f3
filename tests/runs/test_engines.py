"""A run in which another engine plays a role: a critic at an endpoint, which nothing trains."""

from collections.abc import Generator
from pathlib import Path

import chat
import pytest
from live import ask, finish, simctl, start
from served import served

from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.cli.openai import OpenAI

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SETS = [
    *chat.SETS,
    "run.episodes=3",
    "episode={kind='solve', num_generations=2, lesson='critique', lesson_on='failed'}",
    "episode.sampling.max_completion_length=12",
    "curriculum={kind='uniform', max_difficulty=2}",
    "objective=[{kind='grpo', roles=['solver']}]",
    "suite=[]",
]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat.model(tmp_path_factory.mktemp("chat") / "model")


@pytest.fixture(scope="module")
def critic(policy: Path) -> Generator[list[str]]:
    """What to --set for a critic at an endpoint."""
    quiescence = Quiescence()
    sampler = TransformersSampler(policy, 0, quiescence)
    app = OpenAI(sampler, Vocabulary(policy), quiescence, "large").application()
    with served(app) as url:
        yield [f'engines.critic={{kind="openai", base_url="{url}", model="large"}}']


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory, policy: Path, critic: list[str]) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    finish(start(place, sets=[*SETS, *critic, f"policy.path={policy}"]))
    return place


def test_the_log_says_who_spoke_and_what_it_took(run_dir: Path):
    [row] = ask(
        run_dir,
        "SELECT count(*) AS n, any_value(engine) AS engine, min(shown_tokens) AS shown,"
        " min(said_tokens) AS said, count(policy_version) AS ours FROM critique_written",
    )
    assert (row["engine"], row["ours"]) == ("large", 0)
    assert min(int(str(row[name])) for name in ("n", "shown", "said")) > 0
    [own] = ask(run_dir, "SELECT count(engine) AS n FROM attempt_made")
    assert own["n"] == 0


def test_a_run_with_another_engine_does_the_same_once_more_without_it(run_dir: Path):
    verified = simctl("verify", run_dir)
    assert verified.returncode == 0, verified.stdout


def test_nothing_trains_on_what_another_engine_says(critic: list[str], tmp_path: Path):
    refused = simctl("run", "society", "--set", *critic, "--run-dir", tmp_path / "run")
    assert refused.returncode == 2
    assert "engines.critic speaks in the policy's place" in refused.stderr


def test_a_key_that_is_not_set_is_named(critic: list[str], policy: Path, tmp_path: Path):
    sets = [*SETS, *critic, 'engines.critic.api_key_env="NO_SUCH_KEY"', f"policy.path={policy}"]
    words = [word for each in sets for word in ("--set", each)]
    refused = simctl("run", "society", "--run-dir", tmp_path / "run", *words)
    assert refused.returncode == 2
    assert "environment variable NO_SUCH_KEY, and it is not set" in refused.stderr


def test_a_policy_that_is_no_directory_and_not_on_the_hub_says_so(tmp_path: Path):
    refused = simctl("run", "--policy", "Qwen/Qwen3-0.6B", "--run-dir", tmp_path / "run")
    assert refused.returncode == 2
    assert "policy Qwen/Qwen3-0.6B is no directory, and the hub does not give it" in refused.stderr
