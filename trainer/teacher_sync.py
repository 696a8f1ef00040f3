"""The teacher's weights: frozen, a moving average of the student's, or the student's own."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from simctl.trainer.settings import TeacherSettings


class Teacher:
    """A model that only looks; `follow` it after every optimiser step."""

    def __init__(self, student: nn.Module, base: nn.Module, settings: TeacherSettings) -> None:
        """Begin with the weights of `base`, the run's first version."""
        self._settings = settings
        self._student = student
        live = settings.sync == "live"
        self.model = student if live else copy.deepcopy(base).requires_grad_(requires_grad=False)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average towards the student; frozen and live teachers need nothing."""
        if self._settings.sync != "ema":
            return
        share = 1 - self._settings.decay
        pairs = zip(self.model.parameters(), self._student.parameters(), strict=True)
        for kept, new in pairs:
            kept.lerp_(new, share)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must keep: the average, and nothing else."""
        return self.model.state_dict() if self._settings.sync == "ema" else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint's state; where no average was kept, one begins with the base."""
        if self._settings.sync == "ema" and state:
            self.model.load_state_dict(state)
