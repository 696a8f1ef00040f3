"""The learner: samples in, new weights out. It knows losses and token ids, and no algorithm."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from simctl.bus.dice import dice
from simctl.bus.messages import Probe
from simctl.trainer import losses
from simctl.trainer.metrics import Meter
from simctl.trainer.minibatch import microbatches, minibatches
from simctl.trainer.sample import CrossEntropy, Divergence, PolicyGradient, Sample
from simctl.trainer.settings import Training
from simctl.trainer.teacher_sync import Teacher

Ids = Sequence[int]
OPTIMIZER = "optimizer.pt"


def load(path: Path) -> nn.Module:
    """Load a policy in single precision, without dropout."""
    disable_progress_bar()  # type: ignore[no-untyped-call]
    model: nn.Module = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    return model.eval()


def answer_logits(model: nn.Module, rows: Sequence[tuple[Ids, Ids]]) -> Tensor:
    """Return the logits (N, V) that predict the answers of (prompt, answer) rows, end to end.

    Rows are padded on the right. The logits at position p predict token p + 1, so those of an
    answer begin one before it, and its last token is not read.
    """
    lengths = [len(prompt) + len(tokens) - 1 for prompt, tokens in rows]
    width = max(lengths)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for at, ((prompt, tokens), length) in enumerate(zip(rows, lengths, strict=True)):
        ids[at, :length] = torch.tensor([*prompt, *tokens][:-1])
        mask[at, :length] = 1
    first = min(len(prompt) for prompt, _ in rows) - 1
    out = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=width - first)
    logits: Tensor = out.logits
    at_row = [at for at, (_, tokens) in enumerate(rows) for _ in tokens]
    at_column = [len(prompt) - 1 - first + t for prompt, tokens in rows for t in range(len(tokens))]
    return logits[at_row, at_column]


class Learner:
    """Owns the trained model, its optimiser and its teacher."""

    def __init__(self, path: Path, base: Path, training: Training) -> None:
        """Load the policy in `path`; `base` holds the run's first version."""
        torch.set_num_threads(1)  # another number of threads gives other bits
        disable_progress_bar()  # type: ignore[no-untyped-call]
        self._settings = training.trainer
        self._seed = training.seed
        self._steps = 0
        self.model = load(path)
        self._parameters = [each for each in self.model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=training.trainer.learning_rate,
            betas=training.trainer.betas,
            weight_decay=training.trainer.weight_decay,
        )
        taught = any(objective.taught for objective in training.objective)
        self._teacher = Teacher(self.model, load(base), training.teacher) if taught else None

    def learn(self, samples: Sequence[Sample], version: int) -> dict[str, float]:
        """Learn from the samples of the round that makes `version`; return the metrics."""
        meter = Meter()
        size = self._settings.minibatch_size
        for iteration in range(self._settings.num_iterations):
            shuffler = dice(self._seed, "shuffle", version, iteration)
            for at, step in enumerate(minibatches(samples, size, shuffler)):
                # later steps see weights that have moved away from the sampler's
                self._step(step, meter, fresh=iteration == at == 0)
        return meter.metrics()

    def probes(self, rows: Sequence[tuple[Ids, Ids]]) -> tuple[Probe, ...]:
        """Return what the weights give to these answers, each in a forward of its own."""
        return tuple(
            Probe(
                prompt=tuple(prompt),
                tokens=tuple(tokens),
                logprobs=tuple(self._score(prompt, tokens)),
            )
            for prompt, tokens in rows
        )

    def save(self, path: Path) -> None:
        """Write weights, config and optimiser state into a policy directory."""
        saved: Any = self.model
        saved.save_pretrained(path)
        state = {
            "steps": self._steps,
            "optimizer": self._optimizer.state_dict(),
            "teacher": self._teacher.state() if self._teacher else {},
        }
        torch.save(state, path / OPTIMIZER)

    def restore(self, path: Path) -> None:
        """Go on with the optimiser state of a policy directory; the first version has none."""
        state = torch.load(path / OPTIMIZER, weights_only=True)
        self._steps = state["steps"]
        self._optimizer.load_state_dict(state["optimizer"])
        for group in self._optimizer.param_groups:
            # a fork may go on by other settings than those that were saved
            group["betas"] = self._settings.betas
            group["weight_decay"] = self._settings.weight_decay
        if self._teacher:
            self._teacher.restore(state["teacher"])

    def _step(self, step: Sequence[Sample], meter: Meter, *, fresh: bool) -> None:
        """Take one optimiser step; leave the weights alone where a gradient is not finite."""
        rate = self._learning_rate()
        self._optimizer.zero_grad()
        total = self.accumulate(step, meter, fresh=fresh)
        norm = nn.utils.clip_grad_norm_(self._parameters, self._settings.max_grad_norm)
        if not losses.is_finite(norm):
            meter.add("skipped_steps", 1)
            return
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._steps += 1
        if self._teacher:
            self._teacher.follow()
        meter.mean("loss", total)
        meter.mean("grad_norm", float(norm))
        meter.last("learning_rate", rate)

    def _learning_rate(self) -> float:
        warmup = self._settings.warmup_steps
        return self._settings.learning_rate * min(1.0, (self._steps + 1) / (warmup + 1))

    def accumulate(self, step: Sequence[Sample], meter: Meter, *, fresh: bool = True) -> float:
        """Add the gradient of a step's loss to the parameters, and return the loss.

        Each kind of loss is averaged over its tokens of the whole step, however it is split.
        """
        tokens: Counter[str] = Counter()
        for sample in step:
            tokens[sample.loss.kind] += sample.trained
        total = 0.0
        for micro in microbatches(step, self._settings.per_device_train_batch_size):
            kind = micro[0].loss.kind
            if tokens[kind] == 0:
                continue
            summed = self._loss(micro, meter, fresh=fresh)
            (summed / tokens[kind]).backward()  # type: ignore[no-untyped-call]
            value = float(summed.detach())
            if losses.is_finite(summed.detach()):
                meter.mean(f"loss/{kind}", value, sum(sample.trained for sample in micro))
            total += value / tokens[kind]
        meter.add("num_tokens", sum(tokens.values()))
        return total

    def _loss(self, micro: Sequence[Sample], meter: Meter, *, fresh: bool) -> Tensor:
        """Return the summed loss of samples that share one."""
        loss = micro[0].loss
        logits = answer_logits(self.model, [(each.prompt, each.tokens) for each in micro])
        weights = torch.tensor([weight for each in micro for weight in each.weights])
        if fresh:
            self._observe(micro, logits.detach(), meter)
        match loss:
            case CrossEntropy():
                each = losses.cross_entropy(losses.token_logprobs(logits, _ids(micro)), weights)
            case PolicyGradient():
                each = self._surrogate(micro, logits, weights, loss, meter)
            case Divergence():
                each = weights * losses.divergence(logits, self._taught(micro), loss)
            case _:
                raise NotImplementedError(f"no loss of kind {loss.kind} yet")
        return each[weights != 0].sum()

    def _surrogate(
        self,
        micro: Sequence[Sample],
        logits: Tensor,
        weights: Tensor,
        loss: PolicyGradient,
        meter: Meter,
    ) -> Tensor:
        logprobs = losses.token_logprobs(_heated(micro, logits), _ids(micro))
        ratios = losses.log_ratios(logprobs, _logged(micro), _rows(micro), loss)
        live = weights != 0
        ratio, gain = ratios.detach()[live].exp(), weights[live] > 0
        low = ((ratio < 1 - loss.epsilon) & ~gain).float().sum()
        high = ((ratio > 1 + loss.epsilon_high) & gain).float().sum()
        meter.mean("clip_ratio/low_mean", float(low), len(ratio))
        meter.mean("clip_ratio/high_mean", float(high), len(ratio))
        meter.mean("clip_ratio/region_mean", float(low + high), len(ratio))
        return losses.policy_gradient(ratios, weights, loss)

    def _taught(self, micro: Sequence[Sample]) -> Tensor:
        """Return the teacher's logits at the same tokens, under its own prompts."""
        if self._teacher is None:
            raise ValueError("there are divergence samples, but no divergence objective")
        with torch.no_grad():
            rows = [(each.teacher_prompt or (), each.tokens) for each in micro]
            return answer_logits(self._teacher.model, rows)

    def _observe(self, micro: Sequence[Sample], logits: Tensor, meter: Meter) -> None:
        """Measure entropy, and how far the sampler's log-probabilities are from ours."""
        entropies = losses.entropy(logits)
        gaps = (losses.token_logprobs(_heated(micro, logits), _ids(micro)) - _logged(micro)).abs()
        at = 0
        for sample in micro:
            here = slice(at, at + len(sample.tokens))
            at = here.stop
            if not losses.is_finite(entropies[here].sum() + gaps[here].sum()):
                continue  # the step will be skipped, and says so
            meter.mean(f"entropy/{sample.role}", float(entropies[here].sum()), len(sample.tokens))
            if sample.policy_version is not None:
                name = "sampling/sampling_logp_difference"
                meter.mean(f"{name}/mean", float(gaps[here].sum()), len(sample.tokens))
                meter.most(f"{name}/max", float(gaps[here].max()))

    @torch.no_grad()
    def _score(self, prompt: Ids, tokens: Ids) -> list[float]:
        logits = answer_logits(self.model, [(prompt, tokens)])
        scores: list[float] = losses.token_logprobs(logits, torch.tensor(tokens)).tolist()
        return scores


def _ids(micro: Sequence[Sample]) -> Tensor:
    return torch.tensor([token for each in micro for token in each.tokens])


def _logged(micro: Sequence[Sample]) -> Tensor:
    return torch.tensor([logprob for each in micro for logprob in each.logprobs])


def _rows(micro: Sequence[Sample]) -> Tensor:
    return torch.tensor([at for at, each in enumerate(micro) for _ in each.tokens])


def _heated(micro: Sequence[Sample], logits: Tensor) -> Tensor:
    """Divide by the temperature, so that the distribution is the one that was sampled from."""
    heat = torch.tensor([each.temperature for each in micro for _ in each.tokens])
    return logits / heat[:, None]
