"""Settings of learning, as a recipe writes them: `[trainer]`, `[teacher]` and `[[objective]]`."""

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from simctl.bus.asks import Role
from simctl.bus.values import Value
from simctl.trainer.objectives import AnyObjective


class LoraSettings(Value):
    """Adapters that learn in place of the weights (LoRA, 2106.09685); names are those of peft.

    There is no dropout: what is learnt from one log must come out the same every time.
    """

    r: int = Field(default=16, ge=1, description="rank of an adapter")
    lora_alpha: int = Field(
        default=32, ge=1, description="scale: an adapter counts lora_alpha / r times"
    )
    target_modules: Literal["all-linear"] | tuple[str, ...] = Field(
        default="all-linear",
        description="names of the linear layers that get one; all-linear: all but the last",
    )


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
    gradient_checkpointing: bool = Field(
        default=False,
        description="compute activations again instead of keeping them: less memory, more time",
    )
    bf16: bool = Field(
        default=False,
        description="compute the forwards of learning in bfloat16; weights and optimiser are not",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto",
        description="where it learns; auto: a GPU for policies of 50 million parameters and more",
    )
    processes: int = Field(
        default=1,
        ge=1,
        description="processes that learn together, each with a shard of the weights and its share "
        "of every forward; with another number sums round otherwise",
    )
    torchrun: tuple[str, ...] = Field(
        default=(),
        description="how torchrun starts them, on several machines say; without, the first of them "
        "starts the others on its own",
    )
    lora: LoraSettings | None = Field(
        default=None, description="adapters that learn in place of the weights; needs peft"
    )
    max_staleness: int | None = Field(
        default=None,
        ge=0,
        description="versions by which what is learnt from may be behind; from 1 on so many rounds "
        "are played ahead of the trainer; none: it is waited for, and nothing is too old",
    )
    in_flight: bool = Field(
        default=False,
        description="take a version over as soon as it is proved, between two tokens of answers "
        "under way; needs max_staleness. The clock decides which token is a version's first, so "
        "two runs of a seed differ; replay and verify are as exact as ever",
    )
    separate: tuple[Role, ...] = Field(
        default=(),
        description="roles that have each a copy of the weights to themselves; the rest share one",
    )

    @property
    def ahead(self) -> int:
        """How many rounds are played while the trainer has yet to learn from earlier ones.

        Round r is played with version max(0, r - 1 - ahead): it follows from the recipe alone. In
        flight it begins with that one or a later one.
        """
        return self.max_staleness or 0

    @property
    def held(self) -> int:
        """How many rounds what there is to say of a version is held back; in flight it is not."""
        return 0 if self.in_flight else self.ahead

    @property
    def early(self) -> int | None:
        """By how many rounds it may come before it is waited for, where the clock decides that."""
        return self.ahead if self.in_flight else None

    def oldest(self, parent: int) -> int:
        """Return the oldest version whose answers weights of version `parent` may learn from."""
        return 0 if self.max_staleness is None else max(0, parent - self.max_staleness)

    @model_validator(mode="after")
    def _gathers_where_it_can(self) -> Self:
        if self.processes > 1 and self.device == "mps":
            raise ValueError("mps is one GPU, for one process: leave trainer.processes at 1")
        if self.torchrun and self.processes == 1:
            raise ValueError(
                "torchrun starts several processes: say in trainer.processes how many there are "
                "on all machines together"
            )
        return self

    @model_validator(mode="after")
    def _flies_ahead(self) -> Self:
        if self.in_flight and not self.ahead:
            told = "none" if self.max_staleness is None else self.max_staleness
            raise ValueError(
                f"in_flight needs a max_staleness of 1 or more, and it is {told}: it is only ahead "
                "of the trainer that answers are under way when it has learnt"
            )
        return self

    @model_validator(mode="after")
    def _separates_once(self) -> Self:
        twice = sorted({role for role in self.separate if self.separate.count(role) > 1})
        if twice:
            raise ValueError(f"separate names {', '.join(twice)} twice; a role has one copy")
        return self


class PromotionSettings(Value):
    """When the solver goes on from a copy of it that learnt a set of problems.

    SOAR's rule (2601.18778): where the mean gain of exams, averaged over `window` rounds, is over
    `threshold`, the copy with the largest gain of the round is promoted, and the average begins
    anew (which the paper does not say).
    """

    threshold: float = Field(
        default=0.01, description="gain that the moving average must be over (tau)"
    )
    window: int = Field(default=3, ge=1, description="rounds of the moving average")


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

    @property
    def moves(self) -> bool:
        """Whether its weights are neither the run's first nor the current ones."""
        return self.sync in {"ema", "snapshot"}


class Training(Value):
    """All that the trainer needs to know of a recipe."""

    seed: int = 0
    trainer: TrainerSettings = TrainerSettings()
    teacher: TeacherSettings = TeacherSettings()
    promotion: PromotionSettings | None = None
    objective: tuple[AnyObjective, ...] = ()

    @model_validator(mode="after")
    def _promotes_what_learns(self) -> Self:
        if self.promotion is not None and self.trainer.lora is not None:
            raise ValueError(
                "promotion takes the steps of a copy of which all weights learnt, and with "
                "trainer.lora only adapters learn. Remove one of them"
            )
        return self

    def of(self, role: Role | None) -> list[AnyObjective]:
        """Return the objectives that train a role's own weights; for None, the shared ones."""
        separate = self.trainer.separate
        return [
            each
            for each in self.objective
            if any(role == (speaker if speaker in separate else None) for speaker in each.roles)
        ]

    @classmethod
    def read(cls, path: Path) -> "Training":
        """Read the parts that concern the trainer from a recipe's TOML file."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> "Training":
        """Read them from a recipe's TOML text."""
        recipe = tomllib.loads(text)
        return cls.model_validate({key: recipe[key] for key in cls.model_fields if key in recipe})
