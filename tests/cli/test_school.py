from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from simctl.agents.policy.embedded import PATH
from simctl.cli.leaks import rehearse
from simctl.cli.main import main
from simctl.cli.school import make
from simctl.store.policies import WEIGHTS, hash_file
from simctl.trainer.school.settings import QUICK


def simctl(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return int(ended.value.code or 0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_seed_makes_the_same_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert simctl("school", "--quick", "--seed", 0, "--out", tmp_path / "first") == 0
    make(0, tmp_path / "second", QUICK)  # the same, and its gates are not measured once more
    first, second = (hash_file(tmp_path / name / WEIGHTS) for name in ("first", "second"))
    assert first == second
    assert f"sha256 {first}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_rehearsal_changes_the_weights_and_nothing_else(tmp_path: Path):
    rehearse(PATH, tmp_path, ["critic"], tokens=2000)
    assert hash_file(tmp_path / WEIGHTS) != hash_file(PATH / WEIGHTS)
    config = AutoModelForCausalLM.from_pretrained(tmp_path).config.to_dict()
    assert config == AutoModelForCausalLM.from_pretrained(PATH).config.to_dict() | {
        "_name_or_path": str(tmp_path)
    }


def test_a_policy_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert simctl("school", "--quick", "--out", tmp_path) == 2
    assert "is there already" in capsys.readouterr().err


def test_measuring_makes_no_policy(capsys: pytest.CaptureFixture[str]):
    assert simctl("school", "--gates-only", PATH, "--quick") == 2
    assert "--gates-only" in capsys.readouterr().err
