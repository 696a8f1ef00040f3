"""The teacher's weights: the run's first, their moving average, a late copy, or the student's."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from simctl.trainer import shards
from simctl.trainer.settings import TeacherSettings


class Teacher:
    """A model that only looks; `follow` it after every optimiser step and round."""

    def __init__(
        self,
        student: nn.Module,
        model: nn.Module,
        settings: TeacherSettings,
        weights: Callable[[], Mapping[str, Tensor]] | None = None,
    ) -> None:
        """Begin with a `model` of the run's first weights; a live teacher's is the student.

        `weights` gives the student's by the model's names, where they are not its parameters.
        """
        self._settings = settings
        self._weights = weights or (lambda: dict(student.named_parameters()))
        self.model = model if model is student else model.requires_grad_(requires_grad=False)

    @torch.no_grad()
    def follow(self, unit: Literal["step", "round"], done: int) -> None:
        """Move towards the student if it is time after so many units; it is for no other sync.

        In single precision, because an average loses small moves otherwise.
        """
        if not self._settings.moves or unit != self._settings.unit or done % self._settings.every:
            return
        share = 1 - self._settings.decay if self._settings.sync == "ema" else 1.0
        weights = self._weights()
        for name, kept in self.model.named_parameters():
            kept.lerp_(shards.like(kept, weights[name]), share)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must keep: weights that are neither the base's nor ours."""
        return shards.weights(self.model) if self._settings.moves else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint's state; where none was kept, it begins with the base."""
        if self._settings.moves and state:
            shards.fill(self.model, state)
