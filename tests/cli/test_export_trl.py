"""TRL's trainers take what is exported, with the very policy that said it."""

import math
from pathlib import Path
from typing import Any

import answered
import pytest

from simctl.cli.export.choices import Form
from simctl.cli.export.dataset import export
from simctl.cli.export.wanted import Wanted
from simctl.cli.recipe import load
from simctl.store.access import open_log

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of TRL are its own


def trained(name: str, form: Form, folder: Path) -> Any:
    """Let a trainer take one step on an export; return the trainer."""
    import trl  # noqa: PLC0415 - slow, and it warns
    from datasets import load_dataset  # noqa: PLC0415

    run = answered.write(folder / "said-001", load("society"))
    export(run, Wanted(form=form, where="NOT truncated"), folder / "out")
    settings = getattr(trl, f"{name}Config")(
        output_dir=str(folder / "model"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        max_steps=1,
        save_strategy="no",
        per_device_train_batch_size=2,
    )
    rows = load_dataset(str(folder / "out"), split="train", cache_dir=str(folder / "cache"))
    trainer = getattr(trl, f"{name}Trainer")(
        model=str(run / "policies/v000000"), args=settings, train_dataset=rows
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize(("name", "form"), [("SFT", "sft"), ("DPO", "preference")])
def test_a_trainer_takes_a_step_on_an_export(name: str, form: Form, tmp_path: Path):
    trainer = trained(name, form, tmp_path)
    assert trainer.state.global_step == 1
    assert math.isfinite(trainer.state.log_history[-1]["train_loss"])


def test_what_the_trainer_learns_is_the_logged_tokens(tmp_path: Path):
    trainer = trained("SFT", "sft", tmp_path)
    with open_log(tmp_path / "said-001") as log:
        rows = log.query("SELECT prompt_tokens || tokens AS ids FROM events").to_pylist()
    logged = {tuple(row["ids"]) for row in rows if row["ids"]}
    learnt = [tuple(ids) for ids in trainer.train_dataset["input_ids"]]
    assert len(learnt) == 6
    assert [ids for ids in learnt if ids not in logged] == []
