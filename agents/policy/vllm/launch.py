"""A launch: how the command line and the environment of a vLLM server of our own are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

MODEL = "policy"  # what the server calls the weights that it holds
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, that vLLM knows
_ON_CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}  # GiB; no cores
# it is another Python, which must not find the packages of this one
_FOREIGN = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})


@dataclass(frozen=True)
class Launch:
    """How a server begins. `rank` is of adapters, 0 for none; `env` is what it inherits."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    rank: int = 0
    sleeps: bool = False

    @property
    def cpu(self) -> bool:
        """Whether it is held on a CPU."""
        return self.device == "cpu" or not torch.cuda.is_available()

    @property
    def kept(self) -> str:
        """The numbers that it is held in."""
        if self.dtype != "auto":
            return self.dtype
        return "float32" if self.cpu else "bfloat16"

    def words(self, path: Path, port: int) -> list[str]:
        """Return the command line that serves the policy in `path` at a port."""
        words = [*self.command, str(path), "--host", "127.0.0.1", "--port", str(port)]
        words += ["--served-model-name", MODEL, "--dtype", self.kept, "--max-model-len", "auto"]
        # log-probs of what is drawn from, and none of the samplings that a model comes with
        words += ["--logprobs-mode", "processed_logprobs", "--generation-config", "vllm"]
        if self.cpu:
            words += ["--enforce-eager"]  # to compile takes longer than it saves
        if self.sleeps:
            words += ["--enable-sleep-mode"]
        if self.rank:
            rank = next((each for each in _RANKS if each >= self.rank), self.rank)
            # two at a time: the one that serves, and the one that is proved
            words += ["--enable-lora", "--max-loras", "2", "--max-lora-rank", str(rank)]
        return [*words, *self.arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment that it begins with; what is set already stays as it is."""
        needed = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_NO_USAGE_STATS": "1"}
        if self.rank:
            needed["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
        own = {name: said for name, said in self.env.items() if name not in _FOREIGN}
        return {**(_ON_CPU if self.cpu else {}), **own, **needed}
