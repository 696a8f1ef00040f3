"""The learner: samples in, new weights out. It knows losses and token ids, and no algorithm."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from simctl.bus.asks import STUDIED_AT_ONCE, Role
from simctl.bus.dice import dice
from simctl.bus.errors import SimctlError
from simctl.bus.messages import Probe
from simctl.store.policies import ADAPTER
from simctl.trainer.losses.answers import Ids, answer_logits, is_finite, token_logprobs
from simctl.trainer.losses.beginning import needs_beginning
from simctl.trainer.losses.criterion import Criterion
from simctl.trainer.losses.recomputing import recompute
from simctl.trainer.metrics import Meter
from simctl.trainer.minibatch import microbatches, minibatches
from simctl.trainer.promotion import Studied
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import TeacherSettings, Training
from simctl.trainer.teacher_sync import Teacher

if TYPE_CHECKING:
    from simctl.trainer.adapter import Adapter

OPTIMIZER = "optimizer.pt"


class AdapterMissingError(SimctlError):
    """Weights were learnt with an adapter and go on without, or the other way round."""


def load(path: Path) -> nn.Module:
    """Load a policy in single precision, without dropout."""
    disable_progress_bar()  # type: ignore[no-untyped-call]
    model: nn.Module = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    return model.eval()


def fixed(path: Path) -> nn.Module:
    """Load a policy that nobody trains."""
    return load(path).requires_grad_(requires_grad=False)


def _loaded(path: Path, base: Path, training: Training) -> tuple[nn.Module, "Adapter | None"]:
    """Load the policy in `path`: whole, or the run's first weights and the adapter beside them.

    Raises:
        AdapterMissingError: it was not learnt in the way in which it is to go on.
    """
    lora = training.trainer.lora
    has = (path / ADAPTER).is_dir()
    if path != base and has != (lora is not None):
        raise AdapterMissingError(
            f"policy {path} was learnt {'with' if has else 'without'} an adapter, and goes on "
            "only so: leave trainer.lora as it was, or begin a new run with --policy"
        )
    if lora is None:
        return load(path), None
    from simctl.trainer.adapter import Adapter  # noqa: PLC0415 - peft is an extra

    model = load(base)
    adapter = Adapter(model, lora, training.seed)
    if path != base:
        adapter.restore(path / ADAPTER)
    return model, adapter


class Learner:
    """Owns one set of weights with its optimiser and teacher: a role's, or what roles share."""

    def __init__(
        self,
        path: Path,
        base: Path,
        training: Training,
        role: Role | None = None,
        fix: Callable[[Path], nn.Module] = fixed,
    ) -> None:
        """Load the policy in `path`; `base` holds the run's first version, which `fix` loads."""
        torch.set_num_threads(1)  # another number of threads gives other bits
        disable_progress_bar()  # type: ignore[no-untyped-call]
        self._settings = training.trainer
        self._seed = training.seed
        self._steps = 0
        self.model, self._adapter = _loaded(path, base, training)
        if training.trainer.gradient_checkpointing:
            recompute(self.model)
        self._parameters = [each for each in self.model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=training.trainer.learning_rate,
            betas=training.trainer.betas,
            weight_decay=training.trainer.weight_decay,
        )
        taught = any(objective.taught for objective in training.of(role))
        self._base = base
        self._fix = fix
        self._teacher = self._instruct(training.teacher) if taught else None
        bf16 = training.trainer.bf16
        self._criterion = Criterion(self.model, self._against, bf16=bf16)

    @cached_property
    def anchor(self) -> nn.Module:
        """The run's first version, as it was."""
        return self._adapter.base if self._adapter else self._fix(self._base)

    def learn(self, samples: Sequence[Sample], version: int) -> dict[str, float]:
        """Learn from the samples of the round that makes `version`; return the metrics."""
        meter = Meter()
        size = self._settings.minibatch_size
        for iteration in range(self._settings.num_iterations):
            shuffler = dice(self._seed, "shuffle", version, iteration)
            steps = minibatches(samples, size, shuffler)
            if iteration == 0:
                self._criterion.begin(self._compared(steps[1:]))
            for at, step in enumerate(steps):
                # later steps see weights that have moved away from the sampler's
                self._step(step, meter, fresh=iteration == at == 0)
        if self._teacher:
            self._teacher.follow("round", version)
        return meter.metrics()

    def imitate(self, examples: Sequence[Sample], study: Studied) -> None:
        """Take the steps that a throw-away copy took on these examples, with a fresh optimiser."""
        optimizer = torch.optim.AdamW(self._parameters, lr=study.learning_rate, weight_decay=0.0)
        rng = dice(study.key, "study")
        for _ in range(study.steps):
            optimizer.zero_grad()
            self.accumulate(rng.sample(examples, min(STUDIED_AT_ONCE, len(examples))), Meter())
            optimizer.step()

    def leaning(self, sample: Sample) -> list[float] | None:
        """Return how much likelier the teacher finds each token (T) than the weights, in nats.

        None where the sample has no teacher.
        """
        if not isinstance(sample.loss, Divergence):
            return None
        return self._criterion.leaning(sample, sample.loss)

    @torch.no_grad()
    def probes(self, rows: Sequence[tuple[Ids, Ids]]) -> tuple[Probe, ...]:
        """Return what the weights give to these answers."""
        if not rows:
            return ()
        ids = torch.tensor([token for _, tokens in rows for token in tokens])
        scores = token_logprobs(answer_logits(self.model, rows), ids)
        split = torch.split(scores, [len(tokens) for _, tokens in rows])
        return tuple(
            Probe(prompt=tuple(prompt), tokens=tuple(tokens), logprobs=tuple(logprobs.tolist()))
            for (prompt, tokens), logprobs in zip(rows, split, strict=True)
        )

    def save(self, path: Path) -> None:
        """Write weights, config and optimiser state into a policy directory."""
        saved: Any = self.model
        if self._adapter:
            saved.save_pretrained(path, state_dict=self._adapter.whole())
            self._adapter.save(path / ADAPTER)
        else:
            saved.save_pretrained(path)
        state = {
            "steps": self._steps,
            "optimizer": self._optimizer.state_dict(),
            "teacher": self._teacher.state() if self._teacher else {},
        }
        torch.save(state, self._place(path) / OPTIMIZER)

    def restore(self, path: Path) -> None:
        """Go on with the optimiser state of a policy directory; the first version has none."""
        state = torch.load(self._place(path) / OPTIMIZER, weights_only=True)
        self._steps = state["steps"]
        self._optimizer.load_state_dict(state["optimizer"])
        for group in self._optimizer.param_groups:
            # a fork may go on by other settings than those that were saved
            group["betas"] = self._settings.betas
            group["weight_decay"] = self._settings.weight_decay
        if self._teacher:
            self._teacher.restore(state["teacher"])

    def _place(self, path: Path) -> Path:
        """Return where in a policy directory the optimiser's state is: beside what learns."""
        return path / ADAPTER if self._adapter else path

    def _step(self, step: Sequence[Sample], meter: Meter, *, fresh: bool) -> None:
        """Take one optimiser step; leave the weights alone where a gradient is not finite."""
        rate = self._learning_rate()
        self._optimizer.zero_grad()
        total = self.accumulate(step, meter, fresh=fresh)
        norm = nn.utils.clip_grad_norm_(self._parameters, self._settings.max_grad_norm)
        if not is_finite(norm):
            meter.add("skipped_steps", 1)
            return
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._steps += 1
        if self._teacher:
            self._teacher.follow("step", self._steps)
        meter.mean("loss", total)
        meter.mean("grad_norm", float(norm))
        meter.last("learning_rate", rate)

    def _instruct(self, settings: TeacherSettings) -> Teacher:
        match settings.sync:
            case "live":
                return Teacher(self.model, self.model, settings)
            case "frozen":
                return Teacher(self.model, self.anchor, settings)
            case "ema" | "snapshot":
                weights = self._adapter.whole if self._adapter else None
                return Teacher(self.model, load(self._base), settings, weights)

    def _against(self, whom: str) -> nn.Module:
        """Return the model that a divergence is from."""
        if whom == "base":
            return self.anchor
        if self._teacher is None:
            raise ValueError("there are divergence samples, but no objective that is taught")
        return self._teacher.model

    def _learning_rate(self) -> float:
        warmup = self._settings.warmup_steps
        return self._settings.learning_rate * min(1.0, (self._steps + 1) / (warmup + 1))

    def accumulate(self, step: Sequence[Sample], meter: Meter, *, fresh: bool = True) -> float:
        """Add the gradient of a step's loss to the parameters, and return the loss.

        Each family of losses is averaged over its tokens (pairs, where it has those) of the whole
        step, however it is split.
        """
        shares: Counter[str] = Counter()
        for sample in step:
            shares[sample.family] += sample.share
        total = 0.0
        for micro in microbatches(step, self._settings.per_device_train_batch_size):
            family, share = micro[0].family, sum(sample.share for sample in micro)
            if shares[family] == 0:
                continue
            summed = self._criterion.summed(micro, meter, fresh=fresh)
            (summed / shares[family]).backward()  # type: ignore[no-untyped-call]
            value = float(summed.detach())
            if is_finite(summed.detach()):
                meter.mean(f"loss/{family}", value, share)
            total += value / shares[family]
        meter.add("num_tokens", sum(sample.trained for sample in step))
        return total

    def _compared(self, steps: Iterable[Sequence[Sample]]) -> Iterator[list[Sample]]:
        """Give, in forwards, the samples that are compared with the beginning of the round."""
        for step in steps:
            compared = [sample for sample in step if needs_beginning(sample)]
            yield from microbatches(compared, self._settings.per_device_train_batch_size)
