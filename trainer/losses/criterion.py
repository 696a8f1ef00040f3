"""The criterion: the summed loss of samples that share one, and what is measured on the way."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from simctl.trainer.losses import divergences, pairs, policy
from simctl.trainer.losses.answers import (
    Answers,
    Ids,
    Row,
    answer_logits,
    entropy,
    is_finite,
    row_logprobs,
    split_rows,
    sum_rows,
    token_logprobs,
)
from simctl.trainer.losses.beginning import Beginning
from simctl.trainer.losses.estimates import blame, estimate
from simctl.trainer.metrics import Meter
from simctl.trainer.place import computing
from simctl.trainer.sample import (
    CrossEntropy,
    Divergence,
    ImplicitNegative,
    PolicyGradient,
    Preference,
    Sample,
    Valuation,
)


class Criterion:
    """Knows the models that losses compare: the student, its teachers, and itself before."""

    def __init__(
        self, student: nn.Module, teachers: Callable[[str], nn.Module], *, bf16: bool = False
    ) -> None:
        """`teachers` gives the model that a divergence is `against`.

        With `bf16` models compute in bfloat16 where that is safe, and losses as ever.
        """
        self._student = student
        self._teachers = teachers
        self._bf16 = bf16
        self.beginning = Beginning()

    @torch.no_grad()
    def begin(self, later: Iterable[Sequence[Sample]]) -> None:
        """Begin a round: keep what the samples of its `later` steps will be compared with."""
        self.beginning = Beginning()
        for micro in later:
            rows = _rows(micro)
            with computing(self._student):
                logits = self._logits(self._student, [(prompt, ids) for prompt, ids, _ in rows])
                self.beginning.of(rows, row_logprobs(logits, rows))

    def summed(self, micro: Sequence[Sample], meter: Meter, *, fresh: bool) -> Tensor:
        """Return the summed loss; where weights are `fresh` they are those that sampled."""
        with computing(self._student):
            return self._summed(micro, meter, fresh=fresh)

    def _summed(self, micro: Sequence[Sample], meter: Meter, *, fresh: bool) -> Tensor:
        loss = micro[0].loss
        rows = _rows(micro)
        logits = self._logits(self._student, [(prompt, ids) for prompt, ids, _ in rows])
        answers = Answers(micro, logits[: sum(len(each.tokens) for each in micro)])
        if fresh:
            _observe(answers, meter)
        if isinstance(loss, Preference):
            return self._preference(answers, row_logprobs(logits, rows), loss, meter)
        return self._each(answers, meter)[answers.live].sum()

    @torch.no_grad()
    def leaning(self, sample: Sample, loss: Divergence) -> list[float]:
        """Return how much likelier the teacher finds each token (T) than the student, in nats."""
        with computing(self._student):
            ids = torch.tensor(sample.tokens)
            student = self._logits(self._student, [(sample.prompt, sample.tokens)])
            gap = token_logprobs(self._taught([sample], loss), ids) - token_logprobs(student, ids)
        return [float(each) for each in gap]

    def _each(self, answers: Answers, meter: Meter) -> Tensor:
        """Return the weighted loss of each token (N)."""
        weights = answers.weights
        match answers.samples[0].loss:
            case PolicyGradient() as loss:
                return self._surrogate(answers, loss, meter)
            case Divergence() as loss:
                return self._divergence(answers, loss, meter)
            case ImplicitNegative() as loss:
                ratios = answers.said - self._old(answers)
                return policy.implicit_negative(ratios, weights, answers.targets, loss)
            case Valuation():
                return weights * (answers.plain.exp() - answers.targets).square()
            case CrossEntropy() | Preference():  # of a pair: the better answer alone
                return -weights * answers.plain

    def _surrogate(self, answers: Answers, loss: PolicyGradient, meter: Meter) -> Tensor:
        weights, cap = answers.weights, loss.importance_sampling_cap
        old = self._old(answers) if cap is None else self._begun(answers)
        if cap is not None:
            weights = weights * _truncated(answers, old, cap, meter)
        if loss.least_logprob is not None:
            weights = weights * (self._begun(answers) >= loss.least_logprob)
        if loss.shaping is None:
            ratios = policy.log_ratios(answers.said, old, answers.row, loss)
            _count_clips(ratios.detach()[answers.live].exp(), answers, loss, meter)
            each = policy.policy_gradient(ratios, weights, loss)
        else:
            each = policy.shaped(answers.said, weights, loss.shaping)
        return each - loss.entropy * entropy(answers.heated) if loss.entropy else each

    def _divergence(self, answers: Answers, loss: Divergence, meter: Meter) -> Tensor:
        teacher = self._taught(answers.samples, loss)
        if loss.estimator == "full":
            each = divergences.divergence(answers.logits, teacher, loss)
        else:
            taught = token_logprobs(answers.heat(teacher), answers.ids)
            each = estimate(answers.said, taught, self._old(answers), loss)
        live = answers.live
        if loss.against == "base":
            meter.mean("kl", float(each.detach()[live].sum()), int(live.sum()))
        weighed = answers.weights * each
        if loss.future:
            costs = torch.zeros_like(weighed)
            costs[live] = blame(weighed.detach()[live], answers.row[live], loss)
            weighed = weighed + answers.said * costs
        return weighed

    def _preference(
        self, answers: Answers, logprobs: Tensor, loss: Preference, meter: Meter
    ) -> Tensor:
        """Return the summed loss of pairs from the log-probabilities of all answers in them."""
        rows = _rows(answers.samples)
        gained = logprobs - torch.cat(self.beginning.of(rows, logprobs))
        row = torch.tensor([at for at, (_, ids, _) in enumerate(rows) for _ in ids])
        chosen, rejected = sum_rows(gained, row, len(rows)).chunk(2)
        each = pairs.preference(chosen, rejected, loss)
        if loss.nll:
            surprise, count = -answers.plain * answers.live, answers.live.float()
            trained = sum_rows(count, answers.row, len(each)).clamp(min=1)
            each = each + loss.nll * sum_rows(surprise, answers.row, len(each)) / trained
        weights = torch.tensor([max(sample.weights, key=abs) for sample in answers.samples])
        margin = (chosen - rejected).detach()
        meter.mean("rewards/accuracies", float((margin > 0).sum()), len(margin))
        meter.mean("rewards/margins", float(loss.beta * margin.sum()), len(margin))
        return (weights * each)[weights != 0].sum()

    def _taught(self, samples: Sequence[Sample], loss: Divergence) -> Tensor:
        """Return the teacher's logits at the same tokens, under its own prompts."""
        based = loss.against == "base"
        rows = [(e.prompt if based else e.teacher_prompt or (), e.tokens) for e in samples]
        with torch.no_grad():
            return self._logits(self._teachers(loss.against), rows)

    def _logits(self, model: nn.Module, rows: Sequence[tuple[Ids, Ids]]) -> Tensor:
        """Return the logits (N, V) of the rows' answers."""
        if not self._bf16:
            return answer_logits(model, rows)
        with torch.autocast(next(self._student.parameters()).device.type, torch.bfloat16):
            return answer_logits(model, rows).float()

    def _begun(self, answers: Answers) -> Tensor:
        """Return what the learner gave to each token when the round began."""
        return torch.cat(self.beginning.of(_rows(answers.samples), answers.said))

    def _old(self, answers: Answers) -> Tensor:
        """Return the logged log-probability of each token, or the learner's where none is."""
        if all(sample.logprobs for sample in answers.samples):
            return answers.logged
        begun = self.beginning.of(_rows(answers.samples), answers.said)
        known = zip(answers.samples, begun, strict=True)
        return torch.cat([torch.tensor(s.logprobs) if s.logprobs else own for s, own in known])


def _rows(micro: Sequence[Sample]) -> list[Row]:
    """Return the rows of a forward: all answers, and then the rejected ones of pairs."""
    if isinstance(micro[0].loss, Preference):
        worse = [(each.prompt, each.rejected or (), 1.0) for each in micro]
        return [*((each.prompt, each.tokens, 1.0) for each in micro), *worse]
    return [(each.prompt, each.tokens, each.temperature) for each in micro]


def _truncated(answers: Answers, own: Tensor, cap: float, meter: Meter) -> Tensor:
    """Return each token's importance between sampler and learner, at most `cap`; else 1."""
    logged = torch.tensor([bool(each.logprobs) for each in answers.samples])[answers.row]
    raw = torch.ones_like(own)
    raw[logged] = policy.importance(own[logged], answers.logged)
    for name, ratios in (("_uncapped", raw), ("", raw.clamp(max=cap))):
        seen = ratios[logged & answers.live]
        if len(seen) and is_finite(seen.sum()):
            root = f"sampling/importance_sampling_ratio{name}"
            meter.mean(f"{root}/mean", float(seen.sum()), len(seen))
            meter.least(f"{root}/min", float(seen.min()))
            meter.most(f"{root}/max", float(seen.max()))
    return raw.clamp(max=cap)


def _count_clips(ratio: Tensor, answers: Answers, loss: PolicyGradient, meter: Meter) -> None:
    gain = answers.weights[answers.live] > 0
    low = ((ratio < 1 - loss.epsilon) & ~gain).float().sum()
    high = ((ratio > 1 + loss.epsilon_high) & gain).float().sum()
    meter.mean("clip_ratio/low_mean", float(low), len(ratio))
    meter.mean("clip_ratio/high_mean", float(high), len(ratio))
    meter.mean("clip_ratio/region_mean", float(low + high), len(ratio))


def _observe(answers: Answers, meter: Meter) -> None:
    """Measure entropy, and how far the sampler's log-probabilities are from ours."""
    rows = [sample.tokens for sample in answers.samples]
    entropies = split_rows(entropy(answers.logits.detach()), rows)
    said = split_rows(answers.said.detach(), rows)
    for sample, unsure, ours in zip(answers.samples, entropies, said, strict=True):
        gaps = (ours - torch.tensor(sample.logprobs or ours.tolist())).abs()
        if not is_finite(unsure.sum() + gaps.sum()):
            continue  # the step will be skipped, and says so
        meter.mean(f"entropy/{sample.role}", float(unsure.sum()), len(sample.tokens))
        if sample.policy_version is not None and sample.logprobs:
            name = "sampling/sampling_logp_difference"
            meter.mean(f"{name}/mean", float(gaps.sum()), len(sample.tokens))
            meter.most(f"{name}/max", float(gaps.max()))
