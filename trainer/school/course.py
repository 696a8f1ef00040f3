"""The course: the steps of the school, from random weights to a policy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import torch
from transformers import Qwen3ForCausalLM

from simctl.bus.dice import dice
from simctl.trainer.school.batch import Lesson, batch
from simctl.trainer.school.model import answer_loss
from simctl.trainer.school.settings import SchoolSettings
from simctl.trainer.school.vocabulary import Vocabulary

Classroom = Callable[[float, Random], Lesson]  # gives a lesson for a share of the school


@dataclass(frozen=True, slots=True)
class Report:
    """Where the course is: steps done, tokens read, and the loss of the last step."""

    step: int
    tokens: int
    loss: float


def school(
    model: Qwen3ForCausalLM,
    vocabulary: Vocabulary,
    settings: SchoolSettings,
    classroom: Classroom,
    seed: int,
) -> Iterator[Report]:
    """Train `model` in place, one step a report. Nothing but the arguments decides the weights."""
    torch.set_num_threads(1)  # another number of threads gives other bits
    dice_of_gaps = dice(seed, "school", "gaps")
    optimizers = _optimizers(model, settings)
    tokens = 0
    model.train()
    for step, rows in enumerate(_shelves(classroom, settings, dice(seed, "school", "lessons"))):
        laid_out = batch(rows, vocabulary, settings.gaps, dice_of_gaps)
        loss = answer_loss(model, laid_out)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        for optimizer, full_rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = full_rate * settings.rate(step)
            optimizer.step()
            optimizer.zero_grad()
        tokens += laid_out.ids.numel()
        yield Report(step + 1, tokens, float(loss.detach()))
    model.eval()  # type: ignore[no-untyped-call]


def _shelves(classroom: Classroom, settings: SchoolSettings, rng: Random) -> Iterator[list[Lesson]]:
    """Give the lessons of each step: of like length, so that little is padding."""
    step = 0
    while step < settings.steps:
        share = step / settings.steps
        count = settings.rows * settings.shelf
        shelf = sorted((classroom(share, rng) for _ in range(count)), key=_length)
        steps = [shelf[at : at + settings.rows] for at in range(0, count, settings.rows)]
        rng.shuffle(steps)
        yield from steps[: settings.steps - step]
        step += len(steps)


def _length(lesson: Lesson) -> int:
    prompt, answer = lesson
    return len(prompt) + len(answer)


def _optimizers(
    model: Qwen3ForCausalLM, settings: SchoolSettings
) -> list[tuple[torch.optim.Optimizer, float]]:
    """Return the optimisers with their full rates: Muon for the layers' matrices, AdamW else."""
    named = list(model.named_parameters())
    matrices = {name for name, each in named if each.ndim == 2 and ".layers." in name}  # noqa: PLR2004
    muon = torch.optim.Muon(
        [each for name, each in named if name in matrices],
        lr=settings.muon_learning_rate,
        momentum=settings.muon_momentum,
        weight_decay=0.0,
    )
    adam = torch.optim.AdamW(
        [each for name, each in named if name not in matrices],
        lr=settings.adam_learning_rate,
        betas=settings.adam_betas,
        weight_decay=0.0,
    )
    return [(muon, settings.muon_learning_rate), (adam, settings.adam_learning_rate)]
