"""Recomputing: layers keep what they are given and nothing else until their gradient is due.

Known as gradient checkpointing (1604.06174): memory for activations falls to one layer's and the
inputs of all, for about a third more time. transformers' own does it only for models that are in
training mode, where dropout would make a step differ from the answers that were sampled.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from simctl.trainer.losses.packing import attending


def layers(model: nn.Module) -> list[nn.Module]:
    """Return the layers of a model of transformers, one after the other."""
    return [each for each in model.modules() if isinstance(each, GradientCheckpointingLayer)]


def recompute(model: nn.Module) -> None:
    """Let the layers of a model be computed once more when their gradient is due.

    Raises:
        ValueError: transformers knows no layers of it that can be.
    """
    found = layers(model)
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no layers that can be computed again: "
            "leave trainer.gradient_checkpointing out"
        )
    for layer in found:
        changed: Any = layer
        changed.forward = partial(_forward, layer.forward, model)


def _forward(plain: Callable[..., Any], model: nn.Module, *given: Any, **named: Any) -> Any:
    if not torch.is_grad_enabled():
        return plain(*given, **named)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        # when the gradient is due the model attends in its usual way again
        return nullcontext(), attending(model) if "packing" in named else nullcontext()

    return checkpoint(
        plain,
        *given,
        use_reentrant=False,
        preserve_rng_state=False,  # nothing in a layer is left to chance
        context_fn=contexts,
        **named,
    )
