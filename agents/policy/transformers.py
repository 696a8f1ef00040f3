"""A sampler over any transformers causal language model, in this process."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.queue import Queue
from simctl.agents.policy.sampler import (
    SAMPLE_RANK,
    STUDY_RANK,
    Completion,
    Prompt,
    Request,
    Studied,
    Study,
)
from simctl.agents.policy.study import study
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import WEIGHTS, WORTH_A_GPU, copies

# full forwards of the same float32 weights agree to rounding; other weights do not. In half
# precision rounding moves unlikely tokens by tenths of a nat, and what is further is no rounding
EXACT, ROUGH = 1e-4, 0.5
Weights = Mapping[str | None, torch.nn.Module]  # by the role that has them; None: those of the rest


class TransformersSampler:
    """Serves one version at a time; requests that wait together are answered in one batch.

    Requests of roles with weights of their own are answered in a batch of each.
    """

    def __init__(  # noqa: PLR0913 - what it serves, and how
        self,
        path: Path,
        version: int,
        quiescence: Quiescence,
        max_batch: int = 256,
        separate: Iterable[str] = (),
        *,
        device: str = "cpu",
        dtype: str = "auto",
        tolerance: float | None = None,
        in_flight: bool = False,
    ) -> None:
        """Serve the model in `path` as `version`; `max_batch` answers are decoded together.

        A `separate` role speaks with its copy, and as long as it has none with what the rest share.
        `in_flight`, a version that is accepted says the next token, also of answers under way; and
        what commits need not wait for answers.

        Raises:
            ValueError: the directory holds no policy that can be served.
        """
        torch.set_num_threads(1)  # two under load are slower, and give other bits
        self._separate = frozenset(separate)
        self._place = (device, dtype)
        self._tolerance = tolerance
        self._in_flight = in_flight
        self._vocabulary = Vocabulary(path)
        self._max_batch = max_batch
        self._decoders = self._decoders_of(version, self._load(path, {}))
        self._proposed: tuple[int, Weights] | None = None
        self._samples = Queue[Request, Completion](
            quiescence, SAMPLE_RANK, self._complete, long=in_flight
        )
        self._studies = Queue[Study, Studied](quiescence, STUDY_RANK, self._learn)

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._decoders[None].version

    @property
    def tolerance(self) -> float:
        """How far log-probabilities may be from the trainer's, in nats."""
        exact = next(self._decoders[None].model.parameters()).dtype == torch.float32
        return self._tolerance or (EXACT if exact else ROUGH)

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text."""
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order, together with whatever else waits."""
        return await self._samples.ask(requests)

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Let copies of the solver's weights learn, each for itself, and throw them away."""
        return await self._studies.ask(studies)

    def propose(self, version: int, path: Path) -> None:
        """Load a version beside the one that serves."""
        self._proposed = None
        self._proposed = (version, self._load(path, self._weights))

    def score(
        self, prompt: Sequence[int], tokens: Sequence[int], role: str | None = None
    ) -> list[float]:
        """Return the log-probability of each token under the proposed version, in nats.

        Of its copy for `role`; without one, of the weights that roles share.
        """
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        _, weights = self._proposed
        model = _of(role, weights)
        ids = torch.tensor([[*prompt, *tokens]], device=next(model.parameters()).device)
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float().cpu()
        logprobs = torch.log_softmax(logits, dim=-1)
        picked: list[float] = logprobs.gather(1, torch.tensor(tokens)[:, None])[:, 0].tolist()
        return picked

    def accept(self) -> None:
        """Serve the proposed version from the next batch on; in flight, from the next token on."""
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        (version, weights), self._proposed = self._proposed, None
        self._decoders = self._decoders_of(version, weights)

    def reject(self) -> None:
        """Forget the proposed version, and serve on what served before."""
        self._proposed = None

    def _decoders_of(self, version: int, weights: Weights) -> dict[str | None, Decoder]:
        return {
            role: Decoder(model, self._vocabulary, version, self._max_batch)
            for role, model in weights.items()
        }

    @property
    def _weights(self) -> Weights:
        return {role: decoder.model for role, decoder in self._decoders.items()}

    def _load(self, path: Path, like: Weights) -> Weights:
        """Load the weights of a version, and the copies that separate roles have of it.

        Where they are `like` others in all but their numbers, these are all that is read.
        """
        places: dict[str | None, Path] = {None: path}
        places |= {role: at for role, at in copies(path).items() if role in self._separate}
        return {
            role: (renewed(like[role], at) if role in like else None) or load(at, *self._place)
            for role, at in places.items()
        }

    def _complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request with the weights of its role, in order."""
        decoders = self._decoders
        own = self._separate if self._in_flight else decoders  # copies may come amid answers
        answers: dict[int, Completion] = {}
        for whose in (None, *sorted(role for role in own if role is not None)):
            mine = [
                at
                for at, each in enumerate(requests)
                if (each.role if each.role in own else None) == whose
            ]
            latest = partial(self._speaker, whose) if self._in_flight else None
            said = _of(whose, decoders).complete([requests[at] for at in mine], latest)
            answers |= zip(mine, said, strict=True)
        return [answers[at] for at in range(len(requests))]

    def _speaker(self, role: str | None) -> Decoder:
        """Return who speaks for a role by now."""
        return _of(role, self._decoders)

    def _learn(self, studies: Sequence[Study]) -> list[Studied]:
        return [study(_of("solver", self._decoders), each) for each in studies]


def has_gpu() -> bool:
    """Whether this process has begun to use a GPU: then no other can be forked from it."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


T = TypeVar("T")


def _of(role: str | None, owned: Mapping[str | None, T]) -> T:
    """Return what belongs to a role; where it has none of its own, what belongs to the rest."""
    return owned.get(role, owned[None])


def load(path: Path, device: str, dtype: str) -> torch.nn.Module:
    """Load a model to where it is held, and in what; "auto" chooses.

    Raises:
        ValueError: there is none, or no such device.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    except Exception as error:  # whatever a broken file makes the loader raise
        raise ValueError(f"{path} holds no loadable model: {error}") from error
    place = _place(device, sum(each.numel() for each in model.parameters()))
    kept = ("bfloat16" if place == "cuda" else "float32") if dtype == "auto" else dtype
    try:
        held: torch.nn.Module = model.eval().to(place, getattr(torch, kept))
    except (AssertionError, RuntimeError) as error:  # torch has many words for no such device
        raise ValueError(f"{path} cannot be held on {place} in {kept}: {error}") from error
    return held


def renewed(model: torch.nn.Module, path: Path) -> torch.nn.Module | None:
    """Return a copy of a model with the weights in `path`; None where those are of another.

    Of a small model, transformers' loader reads the weights in a tenth of the time that it takes.
    That their config is the same is not looked at: the probe tells.
    """
    try:
        given = load_file(path / WEIGHTS)
        fresh = deepcopy(model)
        missing, unknown = fresh.load_state_dict(given, strict=False)
    except Exception:  # noqa: BLE001 - whatever is wrong with them, the loader says it better
        return None
    # what the file leaves out must be there by another name
    named = (fresh.named_parameters(remove_duplicate=each) for each in (False, True))
    every, first = ({name for name, _ in each} for each in named)
    return None if unknown or not set(missing) <= every - first else fresh


def _place(device: str, size: int) -> str:
    """Return where a model of so many parameters is held: on a GPU, if there is one and it pays."""
    if device != "auto":
        return device
    if size < WORTH_A_GPU:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
