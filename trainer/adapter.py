"""Adapter: low-rank matrices beside weights that stay (LoRA, 2106.09685), of which only they learn.

A weight W of d x k is read as W + lora_alpha / r * B A, where B (d x r) begins with zeros and A
(r x k) with what the run's dice give. The only code that knows peft, which is an extra.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.tuners.lora import LoraLayer
from peft.utils.other import transpose
from safetensors.torch import load_file
from torch import Tensor, nn

from simctl.bus.dice import dice
from simctl.bus.errors import SimctlError
from simctl.store.policies import ADAPTER_FILES
from simctl.trainer import shards
from simctl.trainer.settings import LoraSettings

_CONFIG, _WEIGHTS = ADAPTER_FILES
_NAME = "default"  # what peft calls the only adapter of a model
_CARD = "README.md"


class AdapterDiffersError(SimctlError):
    """An adapter on disk is not of the size or scale that the recipe says."""


class Adapter:
    """The adapter of one model. From here on the model's forwards are with it."""

    def __init__(self, model: nn.Module, settings: LoraSettings, seed: int) -> None:
        """Lay a fresh adapter beside the weights of `model`, which change nothing any more."""
        names = settings.target_modules
        config = LoraConfig(
            r=settings.r,
            lora_alpha=settings.lora_alpha,
            target_modules=names if isinstance(names, str) else list(names),
            task_type="CAUSAL_LM",
        )
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # of names that transformers changes: peft's to mend
            torch.manual_seed(dice(seed, "adapter").getrandbits(63))
            adapted: Any = model
            self._peft: Any = get_peft_model(adapted, config)
        config.target_modules = sorted(config.target_modules or ())  # else as the set has them
        self._model = model
        self.base = _Bare(model, self._peft)

    def whole(self, *, cpu: bool = True) -> dict[str, Tensor]:
        """Return the weights with the adapter in them, by their names in the model without it.

        Those beside which nothing learns may be the model's own; the rest are new.
        """
        known = shards.weights(self._model, cpu=cpu)
        found = {
            name.replace(".base_layer.", "."): weight
            for name, weight in known.items()
            if ".lora_" not in name
        }
        for name, layer in self._model.named_modules():
            if isinstance(layer, LoraLayer):
                adapted: Any = layer
                a, b = (known[f"{name}.lora_{each}.{_NAME}.weight"] for each in "AB")
                delta = transpose(b @ a, adapted.fan_in_fan_out) * adapted.scaling[_NAME]
                found[f"{name}.weight"] = found[f"{name}.weight"] + delta
        return found

    def weights(self) -> dict[str, Tensor]:
        """Return the whole weights of the adapter alone; all processes must ask."""
        return shards.weights(self._peft)

    def save(self, path: Path, weights: dict[str, Tensor]) -> None:
        """Write the adapter with these weights into a directory, as peft reads it."""
        self._peft.save_pretrained(path, state_dict=weights, save_embedding_layers=False)
        (path / _CARD).unlink(missing_ok=True)  # a form that nobody has filled in

    def restore(self, path: Path) -> None:
        """Go on with the adapter of a directory.

        Raises:
            AdapterDiffersError: it is of another kind.
        """
        told = json.loads((path / _CONFIG).read_text(encoding="utf-8"))
        saved, own = load_file(path / _WEIGHTS), get_peft_model_state_dict(self._peft)
        scale = self._peft.peft_config["default"].lora_alpha
        if told["lora_alpha"] != scale or _shapes(saved) != _shapes(own):
            raise AdapterDiffersError(
                f"the adapter in {path} has r {told['r']} and lora_alpha {told['lora_alpha']}, and "
                "is not as trainer.lora says: leave it as it was, or begin a new run with --policy"
            )
        set_peft_model_state_dict(self._peft, saved)


class _Bare(nn.Module):
    """A model as it is without its adapter. It has no weights of its own, and nothing learns."""

    def __init__(self, model: nn.Module, adapted: Any) -> None:
        super().__init__()
        self.config = model.config
        self._look = (model, adapted)  # a tuple, because what is in it is not this module's

    def forward(self, **given: Any) -> Any:
        model, adapted = self._look
        with adapted.disable_adapter():
            return model(**given)


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in weights.items()}
