"""Study: what a throw-away copy of a policy learns from examples.

The inner loop of SEAL (2506.10943), TT-SI (2510.07841) and SOAR (2601.18778): learn, sit the exam,
forget. All of the weights are moved, where SEAL and TT-SI move a LoRA of a large model; and the
copy imitates the examples, where that of SOAR takes RLOO steps on whether it finds their answers.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.sampler import Completion, Request, Studied, Study
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling
from simctl.bus.dice import dice

_IGNORED = -100  # a label that costs nothing
Example = tuple[tuple[int, ...], tuple[int, ...]]


def study(decoder: Decoder, wanted: Study) -> Studied:
    """Return what the policy answers before and after it learns. Pure: the policy is not touched.

    AdamW (no weight decay) takes `steps` steps on the mean cross-entropy (nats per token, the end
    token included) of the answers of `batch_size` examples, drawn anew for each step without
    replacement. With a learning rate of 0 nothing moves, and both exams are the same.
    """
    before = _examine(decoder, wanted)
    if not wanted.examples:
        return Studied(before, before)
    model = copy.deepcopy(decoder.model)
    with torch.enable_grad():
        _learn(model, decoder.vocabulary, wanted)
    return Studied(before, after=_examine(replace(decoder, model=model), wanted))


def _learn(model: torch.nn.Module, vocabulary: Vocabulary, wanted: Study) -> None:
    examples = [
        (vocabulary.encode(prompt), (*vocabulary.encode(answer), vocabulary.end))
        for prompt, answer in wanted.examples
    ]
    rng = dice(wanted.key, "study")
    optimizer = torch.optim.AdamW(model.parameters(), lr=wanted.learning_rate, weight_decay=0.0)
    for _ in range(wanted.steps):
        drawn = rng.sample(examples, min(wanted.batch_size, len(examples)))
        optimizer.zero_grad()
        _loss(model, drawn).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _loss(model: torch.nn.Module, examples: Sequence[Example]) -> torch.Tensor:
    width = max(len(prompt) + len(answer) for prompt, answer in examples)
    ids = torch.zeros(len(examples), width, dtype=torch.long)
    labels = torch.full((len(examples), width), _IGNORED)
    mask = torch.zeros(len(examples), width, dtype=torch.long)
    for at, (prompt, answer) in enumerate(examples):
        length = len(prompt) + len(answer)
        ids[at, :length] = torch.tensor([*prompt, *answer])
        labels[at, len(prompt) : length] = torch.tensor(answer)
        mask[at, :length] = 1
    logits: torch.Tensor = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    # the logits at a position predict the token after it
    return cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=_IGNORED
    )


def _examine(decoder: Decoder, wanted: Study) -> tuple[Completion, ...]:
    greedy = Sampling(temperature=0, max_completion_length=wanted.max_completion_length)
    asked = [Request(prompt, wanted.key, greedy) for prompt in wanted.exam]
    return tuple(decoder.complete(asked))
