import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from simctl.bus.dice import dice
from simctl.store.policies import WEIGHTS, hash_file
from simctl.trainer.school.batch import IGNORED, Lesson, batch
from simctl.trainer.school.course import school
from simctl.trainer.school.gaps import GapSettings, positions
from simctl.trainer.school.model import answer_loss, build, save
from simctl.trainer.school.settings import ModelSettings, SchoolSettings
from simctl.trainer.school.vocabulary import Vocabulary

PADDING, END, FIELD, LABEL, PLUS = 0, 1, 2, 3, 4
WORDS = Vocabulary(
    size=12,
    padding=PADDING,
    end=END,
    field_ends=frozenset({FIELD}),
    operations=frozenset({PLUS}),
    labels=frozenset({LABEL}),
)
SETTINGS = SchoolSettings(
    model=ModelSettings(hidden_size=16, num_hidden_layers=2, intermediate_size=32),
    steps=40,
    rows=8,
    shelf=4,
    warmup_steps=4,
)
STILL = GapSettings(share=0.0)
JUMPY = GapSettings(share=1.0, field_gaps=(20,), step_shares=(1.0,), step_gaps=(5,))


def echo(_: float, rng: random.Random) -> Lesson:
    said = rng.randrange(5, 12)
    return (LABEL, said, FIELD), (said, END)


def make(path: Path, seed: int) -> list[float]:
    model = build(SETTINGS.model, WORDS, seed)
    losses = [report.loss for report in school(model, WORDS, SETTINGS, echo, seed)]
    save(model, path)
    return losses


def test_the_school_teaches(tmp_path: Path):
    losses = make(tmp_path, seed=0)
    assert len(losses) == SETTINGS.steps
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_a_seed_decides_the_weights(tmp_path: Path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(len(name) + seed * 7)  # what others draw must not matter
        make(tmp_path / name, seed)
    a, b, c = (hash_file(tmp_path / name / WEIGHTS) for name in "abc")
    assert a == b
    assert a != c


def test_the_result_is_an_ordinary_model(tmp_path: Path):
    make(tmp_path, seed=0)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert (model.config.eos_token_id, model.config.pad_token_id) == (END, PADDING)
    assert model.config.model_type == "qwen3"


def test_only_answers_are_learnt():
    laid_out = batch([((5, 6, 2), (7, 1)), ((5, 2), (1,))], WORDS, STILL, dice(0))
    assert laid_out.ids.tolist() == [[5, 6, 2, 7], [5, 2, 0, 0]]
    assert laid_out.wanted.tolist() == [
        [IGNORED, IGNORED, 7, 1],
        [IGNORED, 1, IGNORED, IGNORED],
    ]


def test_padding_changes_no_loss():
    model = build(SETTINGS.model, WORDS, 0)
    short, long = ((5, 2), (6, 1)), ((5, 5, 5, 5, 2), (6, 1))
    with torch.no_grad():
        alone = answer_loss(model, batch([short], WORDS, STILL, dice(0)))
        other = answer_loss(model, batch([long], WORDS, STILL, dice(0)))
        both = answer_loss(model, batch([short, long], WORDS, STILL, dice(0)))
    assert float(both) == pytest.approx(float(alone + other) / 2, abs=1e-6)


def test_without_gaps_positions_count_tokens():
    assert positions((LABEL, 5, FIELD), 5, WORDS, STILL, dice(0)) == [0, 1, 2, 3, 4]


def test_gaps_stand_between_operations_and_after_fields_and_never_in_an_answer():
    prompt = (5, LABEL, PLUS, LABEL, PLUS, FIELD)
    jumps = [
        [b - a - 1 for a, b in pairwise(positions(prompt, 9, WORDS, JUMPY, dice(seed)))]
        for seed in range(50)
    ]
    assert [max(column) for column in zip(*jumps, strict=True)] == [0, 0, 5, 0, 0, 20, 0, 0]
    assert min(map(min, jumps)) == 0


def test_the_learning_rate_rises_and_falls_to_nothing():
    settings = SchoolSettings(steps=100, warmup_steps=10, decay_share=0.5)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:51] == [1.0] * 42
    assert 0 < rates[-1] < 0.03
    assert rates[50:] == sorted(rates[50:], reverse=True)


def test_the_classroom_hears_how_far_the_school_is():
    heard: list[float] = []

    def listen(share: float, rng: random.Random) -> Lesson:
        heard.append(share)
        return echo(share, rng)

    list(school(build(SETTINGS.model, WORDS, 0), WORDS, SETTINGS, listen, 0))
    assert heard == sorted(heard)
    assert (heard[0], len(heard)) == (0.0, SETTINGS.steps * SETTINGS.rows)
