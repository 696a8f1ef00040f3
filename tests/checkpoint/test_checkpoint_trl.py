"""A trainer of TRL goes on from a checkpoint."""

from pathlib import Path

import measured
import pytest

from simctl.cli.checkpoint.layout import Wanted, lay_out

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of TRL are its own


def test_a_trainer_goes_on_from_a_checkpoint_at_its_step(tmp_path: Path):
    import trl  # noqa: PLC0415 - slow, and it warns
    from datasets import Dataset  # noqa: PLC0415

    [made] = lay_out(measured.write(tmp_path / "told"), Wanted(steps=(2,)), tmp_path / "model")
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "model"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        max_steps=4,
        save_steps=1,
        logging_steps=1,
        per_device_train_batch_size=2,
    )
    rows = Dataset.from_dict({"prompt": ["@7k+5>"] * 8, "completion": ["k+5=2\n"] * 8})
    trainer = trl.SFTTrainer(model=str(made.path), args=settings, train_dataset=rows)
    trainer.train(resume_from_checkpoint=str(made.path))
    losses = [each["step"] for each in trainer.state.log_history if "loss" in each]
    assert losses == [1, 2, 3, 4]
    assert (tmp_path / "model/checkpoint-4/trainer_state.json").is_file()
