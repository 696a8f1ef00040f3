"""A checkpoint of a real run is the policy: transformers loads it, and it says the same."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from live import SIMCTL, ask, final_sha256, simctl
from transformers import TrainerState

pytestmark = pytest.mark.slow
SCORE = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
where, probes = sys.argv[1], json.loads(sys.argv[2])
model, tokenizer = AutoModelForCausalLM.from_pretrained(where), AutoTokenizer.from_pretrained(where)
print(type(tokenizer).__name__)
def score(prompt, tokens):
    with torch.no_grad():
        logits = model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(tokens)[:, None])[:, 0].tolist()
print(json.dumps([score(each["prompt"], each["tokens"]) for each in probes]))
"""


@pytest.fixture(scope="module")
def checkpoint(unbroken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    done = simctl("checkpoint", unbroken, "--step", "2", "--step", "3", "--out", out)
    assert done.returncode == 0, done.stderr
    assert final_sha256(unbroken) in done.stdout
    return out / "checkpoint-3"


def test_a_fresh_process_gives_the_probes_of_the_trainer(unbroken: Path, checkpoint: Path):
    [found] = ask(unbroken, "select probes from policy_updated where version = 3")
    said: Any = found["probes"]
    probes = [json.loads(each) for each in said]
    done = subprocess.run(
        [SIMCTL.with_name("python"), "-c", SCORE, checkpoint, json.dumps(probes)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    scores = json.loads(done.stdout.splitlines()[-1])
    assert len(probes) > 0
    for probe, score in zip(probes, scores, strict=True):
        assert score == pytest.approx(probe["logprobs"], abs=1e-5)


def test_transformers_reads_the_state_and_writes_it_again(checkpoint: Path, tmp_path: Path):
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    assert state.global_step == 3
    assert [each["step"] for each in state.log_history if "loss" in each] == [1, 2, 3]
    state.save_to_json(str(tmp_path / "again.json"))
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["stateful_callbacks"]["simctl"]["attributes"]["weight_version"] == 3
