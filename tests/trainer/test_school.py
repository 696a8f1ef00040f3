import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from simctl.bus.dice import dice
from simctl.store.policies import WEIGHTS, hash_file
from simctl.trainer.school.batch import IGNORED, Gaps, Lesson, batch
from simctl.trainer.school.course import school
from simctl.trainer.school.model import Vocabulary, answer_loss, build, save
from simctl.trainer.school.settings import ModelSettings, SchoolSettings

PADDING, END, FIELD, LABEL = 0, 1, 2, 3
WORDS = Vocabulary(
    size=12, padding=PADDING, end=END, field_ends=frozenset({FIELD}), labels=frozenset({LABEL})
)
SETTINGS = SchoolSettings(
    model=ModelSettings(hidden_size=16, num_hidden_layers=2, intermediate_size=32),
    steps=40,
    rows=8,
    shelf=4,
    warmup_steps=4,
)
STILL = Gaps(frozenset(), frozenset(), 0.0, (0,), (0,))
JUMPY = Gaps(WORDS.field_ends, WORDS.labels, 1.0, (20,), (5,))


def echo(_: float, rng: random.Random) -> Lesson:
    said = rng.randrange(4, 12)
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
    laid_out = batch([((5, 6, 2), (7, 1)), ((5, 2), (1,))], STILL, PADDING, dice(0))
    assert laid_out.ids.tolist() == [[5, 6, 2, 7], [5, 2, 0, 0]]
    assert laid_out.wanted.tolist() == [
        [IGNORED, IGNORED, 7, 1],
        [IGNORED, 1, IGNORED, IGNORED],
    ]


def test_padding_changes_no_loss():
    model = build(SETTINGS.model, WORDS, 0)
    short, long = ((5, 2), (6, 1)), ((5, 5, 5, 5, 2), (6, 1))
    with torch.no_grad():
        alone = answer_loss(model, batch([short], STILL, PADDING, dice(0)))
        other = answer_loss(model, batch([long], STILL, PADDING, dice(0)))
        both = answer_loss(model, batch([short, long], STILL, PADDING, dice(0)))
    assert float(both) == pytest.approx(float(alone + other) / 2, abs=1e-6)


def test_without_gaps_positions_count_tokens():
    assert STILL.positions([LABEL, 5, FIELD], 5, dice(0)) == [0, 1, 2, 3, 4]


def test_gaps_stand_before_labels_and_after_fields_only():
    ids = [5, LABEL, 6, FIELD, 7, 8]
    for seed in range(20):
        positions = JUMPY.positions(ids, 8, dice(seed))
        steps = [b - a for a, b in pairwise(positions)]
        assert 1 <= steps[0] <= 6
        assert 1 <= steps[3] <= 21
        assert [steps[at] for at in (1, 2, 4, 5, 6)] == [1] * 5


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
