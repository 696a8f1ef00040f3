"""The learner: samples in, new weights out. It knows losses and token ids, and no algorithm."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from simctl.bus.asks import STUDIED_AT_ONCE, Role
from simctl.bus.dice import dice
from simctl.bus.errors import SimctlError
from simctl.bus.messages import Probe
from simctl.store.policies import ADAPTER
from simctl.trainer import shards
from simctl.trainer.company import ALONE, Company
from simctl.trainer.losses.answers import (
    Ids,
    answer_logits,
    is_finite,
    split_rows,
    token_logprobs,
)
from simctl.trainer.losses.beginning import needs_beginning
from simctl.trainer.losses.criterion import Criterion
from simctl.trainer.losses.recomputing import recompute
from simctl.trainer.metrics import Meter, joined
from simctl.trainer.minibatch import microbatches, minibatches
from simctl.trainer.place import computing
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


def fixed(path: Path, company: Company = ALONE, device: str = "cpu") -> nn.Module:
    """Load a policy that nobody trains to where it is compared."""
    return company.hold(load(path).requires_grad_(requires_grad=False), device)


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

    def __init__(  # noqa: PLR0913, PLR0917 - what several have in common comes last
        self,
        path: Path,
        base: Path,
        training: Training,
        role: Role | None = None,
        fix: Callable[[Path], nn.Module] | None = None,
        company: Company = ALONE,
    ) -> None:
        """Load the policy in `path`; `base` holds the run's first version, which `fix` loads."""
        torch.set_num_threads(1)  # another number of threads gives other bits
        disable_progress_bar()  # type: ignore[no-untyped-call]
        self._settings = training.trainer
        self._seed = training.seed
        self._steps = 0
        self._company = company
        model, self._adapter = _loaded(path, base, training)
        if training.trainer.gradient_checkpointing:
            recompute(model)
        self.model = company.hold(model, training.trainer.device)
        self._parameters = [each for each in self.model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=training.trainer.learning_rate,
            betas=training.trainer.betas,
            weight_decay=training.trainer.weight_decay,
        )
        taught = any(objective.taught for objective in training.of(role))
        self._base = base
        self._fix = fix or partial(fixed, company=company, device=training.trainer.device)
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
                self._agree()
            for at, step in enumerate(steps):
                # later steps see weights that have moved away from the sampler's
                self._step(step, meter, fresh=iteration == at == 0)
                if iteration == at == 0:
                    self._agree()
        if self._teacher:
            self._teacher.follow("round", version)
        return joined(self._company.share(meter.tallies())).metrics()

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
        with computing(self.model):
            ids = torch.tensor([token for _, tokens in rows for token in tokens])
            scores = token_logprobs(answer_logits(self.model, rows), ids)
        split = split_rows(scores, [tokens for _, tokens in rows])
        return tuple(
            Probe(prompt=tuple(prompt), tokens=tuple(tokens), logprobs=tuple(logprobs.tolist()))
            for (prompt, tokens), logprobs in zip(rows, split, strict=True)
        )

    def save(self, path: Path) -> None:
        """Write weights, config and optimiser state into a policy directory.

        They are whole, however many processes have shards of them.
        """
        saved: Any = self.model
        torch.cuda.empty_cache()  # for an engine on this GPU, which wakes once it is announced
        weights = self._adapter.whole() if self._adapter else shards.weights(self.model)
        state = {
            "steps": self._steps,
            "optimizer": shards.moments(self._optimizer),
            "teacher": self._teacher.state() if self._teacher else {},
        }
        adapter = self._adapter.weights() if self._adapter else {}
        if not self._company.leads:
            return
        path.mkdir(parents=True, exist_ok=True)
        saved.save_pretrained(path, state_dict=weights)
        if self._adapter:
            self._adapter.save(path / ADAPTER, adapter)
        torch.save(state, self._place(path) / OPTIMIZER)

    def restore(self, path: Path) -> None:
        """Go on with the optimiser state of a policy directory; the first version has none."""
        file = self._place(path) / OPTIMIZER
        state = torch.load(file, map_location="cpu", weights_only=True)
        self._steps = state["steps"]
        shards.fill_moments(self._optimizer, state["optimizer"])
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
        longest = self._settings.max_grad_norm
        norm = shards.whole(nn.utils.clip_grad_norm_(self._parameters, longest))
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
                weights = partial(self._adapter.whole, cpu=False) if self._adapter else None
                model = self._company.hold(load(self._base), self._settings.device)
                return Teacher(self.model, model, settings, weights)

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
        step, however it is split, and over all processes.
        """
        shares: Counter[str] = Counter()
        for sample in step:
            shares[sample.family] += sample.share
        total = 0.0
        for micro in self._forwards(step):
            family = micro[0].family
            if shares[family]:
                summed = self._summed(micro, meter, fresh=fresh)
                (summed / shares[family]).backward()  # type: ignore[no-untyped-call]
                total += float(summed.detach()) / shares[family]
        meter.add("num_tokens", sum(sample.trained for sample in step))
        return sum(self._company.share(total))

    def _summed(self, micro: Sequence[Sample], meter: Meter, *, fresh: bool) -> Tensor:
        """Return the summed loss of this process's part of a micro-batch."""
        mine = self._company.part(micro)
        if not mine:
            # the others need it for every layer's weights and gradient; it has nothing to add
            return 0 * self._criterion.summed(micro[:1], Meter(), fresh=False)
        summed = self._criterion.summed(mine, meter, fresh=fresh)
        if is_finite(summed.detach()):
            share = sum(sample.share for sample in mine)
            meter.mean(f"loss/{mine[0].family}", float(summed.detach()), share)
        return summed

    def _forwards(self, samples: Sequence[Sample]) -> Iterator[list[Sample]]:
        """Give, for each forward, the samples that all processes are given together."""
        rows = self._settings.per_device_train_batch_size
        return microbatches(samples, rows * self._company.size)

    def _compared(self, steps: Iterable[Sequence[Sample]]) -> Iterator[Sequence[Sample]]:
        """Give, in forwards, the samples that are compared with the beginning of the round."""
        for step in steps:
            for micro in self._forwards([each for each in step if needs_beginning(each)]):
                yield self._company.part(micro) or micro[:1]

    def _agree(self) -> None:
        """Let every process know what each gave to answers when the round began."""
        if self._company.size > 1:
            beginning = self._criterion.beginning
            beginning.learn(self._company.share(beginning.known()))
