"""Settings of the school: shape and training of the shipped policy stand here."""

from pydantic import Field

from simctl.bus.values import Value
from simctl.trainer.school.gaps import GapSettings


class ModelSettings(Value):
    """The shape of the policy, an ordinary Qwen3."""

    hidden_size: int = Field(default=96, ge=8, description="width of the residual stream")
    num_hidden_layers: int = Field(default=4, ge=1, description="layers")
    num_attention_heads: int = Field(default=4, ge=1, description="query heads of a layer")
    num_key_value_heads: int = Field(default=2, ge=1, description="key and value heads of a layer")
    intermediate_size: int = Field(default=256, ge=8, description="width inside a layer's MLP")
    rope_theta: float = Field(default=10_000.0, gt=0, description="base of the rotary positions")
    max_position_embeddings: int = Field(default=512, ge=1, description="longest text")


class SchoolSettings(Value):
    """How the policy is schooled. Steps and not seconds: a seed fixes the weights."""

    model: ModelSettings = ModelSettings()
    steps: int = Field(default=4400, ge=1, description="optimiser steps")
    rows: int = Field(default=64, ge=1, description="lessons in a step")
    shelf: int = Field(
        default=16, ge=1, description="steps whose lessons are sorted by length together"
    )
    muon_learning_rate: float = Field(default=0.02, gt=0, description="of the layers' matrices")
    muon_momentum: float = Field(default=0.95, ge=0, lt=1, description="of the same")
    adam_learning_rate: float = Field(default=5e-3, gt=0, description="of all other parameters")
    adam_betas: tuple[float, float] = Field(default=(0.9, 0.98), description="moment decays")
    max_grad_norm: float = Field(default=1.0, gt=0, description="longest gradient; longer is cut")
    warmup_steps: int = Field(default=40, ge=0, description="steps of rising learning rates")
    decay_share: float = Field(
        default=0.7, gt=0, le=1, description="last share of the school, with falling learning rates"
    )
    gaps: GapSettings = GapSettings()

    def rate(self, step: int) -> float:
        """Return the share of the full learning rates at a step."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        return rise * min(1.0, (1 - step / self.steps) / self.decay_share)


QUICK = SchoolSettings(
    model=ModelSettings(hidden_size=48, num_hidden_layers=2, intermediate_size=128),
    steps=250,
    rows=32,
    shelf=8,
)
