"""A small chat model: Qwen3's architecture, a BPE tokenizer of its own, and ChatML for a template.

Its weights are random, or those of a short school in which it learns by heart how roles answer.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from simctl.agents.forms.chat import Chat
from simctl.agents.forms.form import Question
from simctl.agents.forms.settings import PromptSettings
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.agents.tasks.words import WordTasks
from simctl.bus.dice import dice

END, OTHER_END = "<|im_end|>", "<|endoftext|>"
# as Qwen3 has it, without tools and without taking thoughts out of earlier turns
TEMPLATE = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}"""
# what a recipe says so that prompts of so small a model are short
SHORT = {
    "system": dict.fromkeys(("examiner", "solver", "critic", "guide", "teacher"), ""),
    "user": {
        "pose": "Pose.",
        "extend": "{problem}\nExtend.",
        "solve": "{problem}\nSolve.",
        "criticise": "{problem}\n{attempt}\nCheck.",
        "judge": "{problem}\nProper?",
        "hint": "{problem}\n{partial}\nNext?",
        "remind": "{problem}\n{attempt}\n{seen}\nTeach.",
    },
}
# `simctl run society --policy MODEL` with so small a model
SETS = [
    "run.rounds=2", "run.episodes=10", "episode.num_generations=4", "task.kind=words",
    "task.max_steps=3", "episode.sampling.max_completion_length=64",
    'suite=[{name = "targets", difficulty = 2, problems = 8, max_completion_length = 64}]',
    *(
        f"prompts.{part}.{key}={json.dumps(text)}"
        for part in SHORT
        for key, text in SHORT[part].items()
    ),
]  # fmt: skip
Lesson = tuple[tuple[int, ...], tuple[int, ...]]


def form() -> Chat:
    return PromptSettings.model_validate(SHORT).chat("", "")


def model(path: Path, *, steps: int = 0, template: str = TEMPLATE) -> Path:
    """Make the model in a directory, and school it for so many steps."""
    family = WordTasks({}, max_steps=3, max_value=20)
    pairs = list(_pairs(family, dice(1)))
    _tokenizer([str(each) for pair in pairs for each in pair], template).save_pretrained(path)
    torch.manual_seed(0)
    vocabulary = Vocabulary(path)
    config = Qwen3Config(
        vocab_size=len(PreTrainedTokenizerFast.from_pretrained(path)),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        eos_token_id=[vocabulary.end, *sorted(vocabulary.ends - {vocabulary.end})],
        pad_token_id=vocabulary.padding,
        bos_token_id=None,
    )
    made = Qwen3ForCausalLM(config)
    if steps:
        asked = form()
        lessons = [
            (vocabulary.encode(asked.put(question)), (*vocabulary.encode(said), vocabulary.end))
            for question, said in pairs
        ]
        _school(made, lessons, steps)
    made.save_pretrained(path)
    return path


def _pairs(family: WordTasks, rng: Random) -> Iterable[tuple[Question, str]]:
    """Give questions with what a good role answers."""
    for at in range(240):
        # of one person and one thing: so small a model does not keep them apart in so short a time
        story = replace(family.sample(1 + at % 2, rng), name="Ava", thing="pens")
        problem, reference = str(story), family.facts(story).reference
        wrong = family.flaw(story, rng)
        tried = rng.choice((reference, wrong))
        critique = family.critique_of(story, tried)
        right, fault, mended = critique.partition("!")
        verdict = f"Verdict: wrong\nStep: {len(right) + 1}\nCorrection: {mended}"
        seen = form().put(Question("remind", problem, attempt=tried, seen=critique))
        assert seen.user.endswith("Teach.")
        yield Question("pose"), f"Problem: {problem}"
        yield Question("extend", problem), f"Problem: {problem} {story.name} buys 2 more."
        yield Question("solve", problem), rng.choice((reference, reference, wrong))
        yield (
            Question("criticise", problem, attempt=tried),
            verdict if fault else "Verdict: right",
        )
        yield Question("judge", problem), "proper"
        first, after = reference.splitlines()[:2]
        yield Question("hint", problem, partial=f"{first}\n"), f"Step: {after}"
        yield Question("remind", problem, attempt=tried, seen=critique), reference


def _tokenizer(texts: Sequence[str], template: str) -> PreTrainedTokenizerFast:
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=700,
            special_tokens=[OTHER_END, "<|im_start|>", END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=OTHER_END, chat_template=template
    )


def _school(made: Qwen3ForCausalLM, lessons: Sequence[Lesson], steps: int) -> None:
    rng, optimizer = dice(2), torch.optim.AdamW(made.parameters(), lr=3e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(steps):
        drawn = rng.sample(lessons, 16)
        width = max(len(asked) + len(said) for asked, said in drawn)
        ids = torch.zeros(len(drawn), width, dtype=torch.long)
        labels = torch.full((len(drawn), width), -100)
        mask = torch.zeros(len(drawn), width, dtype=torch.long)
        for at, (asked, said) in enumerate(drawn):
            length = len(asked) + len(said)
            ids[at, :length] = torch.tensor(asked + said)
            labels[at, len(asked) : length] = torch.tensor(said)
            mask[at, :length] = 1
        logits = made(input_ids=ids, attention_mask=mask).logits
        loss = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
