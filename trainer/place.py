"""Place: where a model learns, on the CPU or on a GPU."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from simctl.bus.errors import SimctlError
from simctl.store.policies import WORTH_A_GPU
from simctl.trainer.settings import TrainerSettings


class PlaceMissingError(SimctlError):
    """A recipe wants to learn where this machine cannot."""


def device_of(device: str, model: nn.Module) -> str:
    """Return where a model is to learn; "auto": on a GPU, if there is one and it pays."""
    if device != "auto":
        return device
    if sum(each.numel() for each in model.parameters()) < WORTH_A_GPU:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def computing(model: nn.Module) -> AbstractContextManager[object]:
    """Let what is made anew, such as a tensor of token ids, be where a model's weights are."""
    there = next(model.parameters()).device
    return nullcontext() if there.type == "cpu" else there


def need(settings: TrainerSettings) -> None:
    """See to it that this machine has what a recipe wants to learn on.

    Raises:
        PlaceMissingError: it has no such device, or fewer GPUs than processes.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if (settings.device == "cuda" and not cuda) or (settings.device == "mps" and not mps):
        raise PlaceMissingError(
            f"trainer.device is {settings.device}, and torch {torch.__version__} finds none here: "
            "leave it out, or begin the run where there is one"
        )
    here, gpus = not settings.torchrun, torch.cuda.device_count()
    if here and settings.device == "cuda" and settings.processes > gpus:
        raise PlaceMissingError(
            f"trainer.processes is {settings.processes}, each needs a GPU of its own, and there "
            f"are {gpus}: take fewer, or set trainer.device to cpu"
        )
