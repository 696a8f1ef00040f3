"""The model that is schooled: an ordinary Qwen3 which transformers loads without further code."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM
from transformers.utils.logging import disable_progress_bar

from simctl.trainer.school.batch import IGNORED, Batch
from simctl.trainer.school.settings import ModelSettings
from simctl.trainer.school.vocabulary import Vocabulary


def build(settings: ModelSettings, vocabulary: Vocabulary, seed: int) -> Qwen3ForCausalLM:
    """Make a model with random weights: the same for a seed, whatever else draws numbers."""
    config = Qwen3Config(
        vocab_size=vocabulary.size,
        hidden_size=settings.hidden_size,
        num_hidden_layers=settings.num_hidden_layers,
        num_attention_heads=settings.num_attention_heads,
        num_key_value_heads=settings.num_key_value_heads,
        head_dim=settings.hidden_size // settings.num_attention_heads,
        intermediate_size=settings.intermediate_size,
        max_position_embeddings=settings.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": settings.rope_theta},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=vocabulary.end,
        pad_token_id=vocabulary.padding,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    generation: Any = model.generation_config
    generation.eos_token_id, generation.pad_token_id = vocabulary.end, vocabulary.padding
    return model


def answer_loss(model: Qwen3ForCausalLM, batch: Batch) -> Tensor:
    """Return the mean loss of the answers' tokens; logits are computed for no others."""
    hidden = model.model(
        input_ids=batch.ids,
        # rows are padded on the right, where a causal mask hides it from every answer
        attention_mask=torch.ones_like(batch.ids),
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    answers = batch.wanted != IGNORED
    loss: Tensor = torch.nn.functional.cross_entropy(
        model.lm_head(hidden[answers]), batch.wanted[answers]
    )
    return loss


def save(model: Qwen3ForCausalLM, path: Path) -> None:
    """Write weights and config into a directory, as transformers has them."""
    disable_progress_bar()  # type: ignore[no-untyped-call]
    model.save_pretrained(path)
