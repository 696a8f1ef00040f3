"""A server of our own: begun, begun again, and gone when we are (a stand-in for vLLM here)."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from live import wait_for
from safetensors import safe_open
from vllm_server import DEADLY, STAND_IN, policy

from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.vllm import keeper
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import Launch
from simctl.agents.policy.vllm.untied import untied
from simctl.store.policies import WEIGHTS

HEAD = "lm_head.weight"


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policy(tmp_path_factory.mktemp("policies") / "v000001")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def child(tmp_path: Path, told: list[str]) -> Generator[Child]:
    launch = Launch(STAND_IN, dict(os.environ), device="cpu")
    made = Child(launch, tmp_path, told.append)
    yield made
    made.close()


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_answers_once_it_has_begun(child: Child, tied: Path):
    child.begin(tied)
    assert child.post("completions", {})["policy"].endswith(tied.name)


def test_one_that_cannot_begin_says_why(child: Child, tmp_path: Path, tied: Path):
    broken = tmp_path / "broken"
    broken.symlink_to(tied)
    with pytest.raises(EndpointError, match="RuntimeError: no such policy"):
        child.begin(broken)


def test_one_that_was_killed_begins_again_with_what_it_held(
    child: Child, tied: Path, told: list[str]
):
    child.begin(tied)
    before = child.post("completions", {})
    os.kill(before["process"], signal.SIGKILL)
    after = child.post("completions", {})
    assert (after["policy"], after["process"] != before["process"]) == (before["policy"], True)
    assert told[0].endswith("starting it again")


def test_a_request_that_kills_it_each_time_is_given_up(child: Child, tied: Path):
    child.begin(tied)
    with pytest.raises(EndpointError, match=r"asked to die .* 3 times in a row"):
        child.post("completions", {"prompt": DEADLY})
    assert child.post("completions", {})["process"]  # the others are answered


def test_one_that_died_in_its_sleep_begins_again_awake(child: Child, tied: Path):
    child.begin(tied)
    before = child.post("completions", {})
    child.sleep()
    os.kill(before["process"], signal.SIGKILL)
    child.wake()
    assert child.post("completions", {})["process"] != before["process"]


def test_it_ends_when_nobody_wants_it_any_more(child: Child, tied: Path):
    child.begin(tied)
    process = child.post("completions", {})["process"]
    child.close()
    assert gone(process)


def test_all_of_a_server_ends_when_its_owner_is_killed(tmp_path: Path):
    marked = tmp_path / "processes"
    server = f"sleep 1000 & echo $! > {marked}; echo $$ >> {marked}; exec sleep 1000"
    begins = "import subprocess as s, sys; s.Popen(sys.argv[1:], stdin=s.PIPE).wait()"
    kept = (sys.executable, "-I", keeper.__file__, "sh", "-c", server)
    owner = subprocess.Popen([sys.executable, "-c", begins, *kept])
    wait_for(lambda: marked.exists() and len(marked.read_text().split()) == 2)
    owner.kill()
    owner.wait()
    wait_for(lambda: all(gone(int(each)) for each in marked.read_text().split()))


def test_it_inherits_no_packages_of_ours():
    launch = Launch(("vllm",), {"PYTHONPATH": "src", "PATH": "/bin"}, device="cpu")
    assert "PYTHONPATH" not in launch.environment()
    assert launch.environment()["PATH"] == "/bin"


def test_it_can_sleep_only_if_it_was_begun_so():
    said = [Launch(("vllm",), {}, device="cpu", sleeps=s).words(Path(), 1) for s in (True, False)]
    assert ["--enable-sleep-mode" in words for words in said] == [True, False]


def test_adapters_have_room_for_the_rank_that_they_have():
    launch = Launch(("vllm", "serve"), {}, device="cpu", rank=20)
    words = launch.words(Path("policy"), 1)
    assert words[words.index("--max-lora-rank") + 1] == "32"


def test_a_tied_policy_gets_a_last_layer_of_its_own(tied: Path, tmp_path: Path):
    made = untied(tied, tmp_path)
    with safe_open(made / "head.safetensors", "np") as head, safe_open(tied / WEIGHTS, "np") as own:
        assert (head.get_tensor(HEAD) == own.get_tensor("model.embed_tokens.weight")).all()
    assert untied(made, tmp_path) == made


def test_a_policy_with_a_last_layer_of_its_own_stays_as_it_is(tmp_path: Path):
    path = policy(tmp_path / "policy", tied=False)
    assert untied(path, tmp_path / "made") == path
