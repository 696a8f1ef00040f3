"""Settings of learning, as a recipe writes them: `[trainer]`, `[teacher]` and `[[objective]]`."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field

from simctl.bus.values import Value
from simctl.trainer.objectives import AnyObjective


class TrainerSettings(Value):
    """How the optimiser steps."""

    learning_rate: float = Field(default=2e-4, gt=0, description="step size of AdamW")
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="moment decays of AdamW")
    weight_decay: float = Field(default=0.0, ge=0, description="weight decay of AdamW")
    max_grad_norm: float = Field(default=1.0, gt=0, description="longest gradient; longer is cut")
    warmup_steps: int = Field(
        default=0, ge=0, description="steps in which the learning rate rises to its full value"
    )
    minibatch_size: int = Field(
        default=64, ge=0, description="samples in an optimiser step; 0 for all of the round"
    )
    num_iterations: int = Field(default=1, ge=1, description="passes over the round's samples")
    per_device_train_batch_size: int = Field(
        default=64, ge=1, description="rows of one forward; changes speed and memory only"
    )


class TeacherSettings(Value):
    """Whose weights a divergence calls the teacher."""

    sync: Literal["frozen", "ema", "snapshot", "live"] = Field(
        default="ema",
        description="the run's first weights, their moving average, a late copy, or the current",
    )
    decay: float = Field(
        default=0.95, ge=0, lt=1, description="share that the average keeps when it moves"
    )
    every: int = Field(
        default=1,
        ge=1,
        description="steps or rounds from one move of an ema or snapshot to the next",
    )
    unit: Literal["step", "round"] = Field(
        default="step", description="what `every` counts: optimiser steps, or rounds"
    )


class Training(Value):
    """All that the trainer needs to know of a recipe."""

    seed: int = 0
    trainer: TrainerSettings = TrainerSettings()
    teacher: TeacherSettings = TeacherSettings()
    objective: tuple[AnyObjective, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Training":
        """Read the parts that concern the trainer from a recipe's TOML file."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> "Training":
        """Read them from a recipe's TOML text."""
        recipe = tomllib.loads(text)
        return cls.model_validate({key: recipe[key] for key in cls.model_fields if key in recipe})
