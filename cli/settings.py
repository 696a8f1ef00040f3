"""Settings of a recipe that belong to no part: how the policy is sampled from, and the log."""

from typing import Literal

from pydantic import Field

from simctl.bus.values import Value
from simctl.trainer.settings import TrainerSettings


class SamplerSettings(Value):
    """How the policy is sampled from."""

    engine: Literal["transformers", "vllm"] = Field(
        default="transformers", description="in this process, or a vLLM server"
    )
    url: str = Field(
        default="",
        description="of a vLLM server, such as http://127.0.0.1:8000/v1; without, the run has its "
        "own",
    )
    model: str = Field(default="", description="what the vLLM server at url calls the model")
    command: str = Field(
        default="vllm serve",
        description="begins the run's own vLLM server, which is of another environment: the words "
        "before the policy",
    )
    arguments: tuple[str, ...] = Field(
        default=(), description="further words of that command, after the policy"
    )
    sleep: bool = Field(
        default=False,
        description="the vLLM server gives its GPU memory to the trainer while that learns from a "
        "round (sleep mode, level 1: weights wait in host memory)",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto",
        description="where it is held; auto: a GPU for policies of 50 million parameters and more",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="how it is held; auto: bfloat16 on CUDA, else float32"
    )

    max_batch: int = Field(default=256, ge=1, description="answers that are decoded together")
    probe_bound: float | None = Field(
        default=None,
        gt=0,
        description="largest difference to the trainer's log-probs, in nats, with which a version "
        "may serve; without: 1e-4 in float32, 0.5 in half precision",
    )

    def suit(self, trainer: TrainerSettings) -> None:
        """See that the engine can serve what a trainer makes.

        Raises:
            ValueError: it cannot.
        """
        if self.engine != "vllm" and self.sleep:
            raise ValueError(
                'sampler.sleep is for sampler.engine "vllm": the engine '
                f'"{self.engine}" holds no memory that a trainer could use meanwhile'
            )
        if self.engine != "vllm":
            return
        if bool(self.url) != bool(self.model):
            raise ValueError(
                'sampler.engine is "vllm": give sampler.url with sampler.model, or neither'
            )
        if trainer.in_flight:
            raise ValueError(
                'sampler.engine is "vllm", which takes new weights between its answers: let '
                'trainer.in_flight be false, or sampler.engine be "transformers"'
            )
        if trainer.separate:
            raise ValueError(
                'sampler.engine is "vllm", which holds one set of weights: let trainer.separate be '
                'empty, or sampler.engine be "transformers"'
            )
        if self.sleep and trainer.max_staleness is not None:
            raise ValueError(
                "sampler.sleep lets the engine sleep while the trainer learns, and with "
                "trainer.max_staleness it is asked meanwhile: remove one of them"
            )


class LogSettings(Value):
    """How events are kept."""

    journal: bool = Field(
        default=False, description="sync each commit to a journal first, and to the log behind it"
    )
