"""Makes the embedded policy: alphabet, classroom and course put together."""

from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simctl.agents.policy.alphabet import (
    END,
    FIELD_ENDS,
    IDS,
    LABELS,
    OPERATIONS,
    PADDING,
    encode,
    tokenizer,
)
from simctl.agents.tasks.classroom import lesson
from simctl.agents.tasks.terms import term_at
from simctl.cli.errors import UserError
from simctl.cli.figures import count
from simctl.trainer.school.batch import Lesson
from simctl.trainer.school.course import school
from simctl.trainer.school.model import build, save
from simctl.trainer.school.settings import SchoolSettings
from simctl.trainer.school.vocabulary import Vocabulary


def make(seed: int, out: Path, settings: SchoolSettings) -> None:
    """School a policy from random weights and keep it in `out`, showing how far it is.

    Raises:
        UserError: `out` is there already.
    """
    if out.exists():
        raise UserError(f"{out} is there already; give another --out, or remove it")
    words = _vocabulary()
    model = build(settings.model, words, seed)
    with _progress() as progress:
        task = progress.add_task("schooling", total=settings.steps)
        for at in school(model, words, settings, _lesson, seed):
            told = f"schooling: {count(at.tokens)} tokens, loss {at.loss:.3f}"
            progress.update(task, completed=at.step, description=told)
    save(model, out)
    tokenizer().save_pretrained(out)


def _vocabulary() -> Vocabulary:
    return Vocabulary(
        size=len(IDS),
        padding=IDS[PADDING],
        end=IDS[END],
        field_ends=frozenset(IDS[mark] for mark in FIELD_ENDS),
        operations=frozenset(IDS[operation] for operation in OPERATIONS),
        labels=frozenset(IDS[label] for label in LABELS),
    )


def _lesson(share: float, rng: Random) -> Lesson:
    shown = lesson(rng, term_at(share))
    return encode(shown.prompt), encode(shown.answer)


def _progress() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=Console())
