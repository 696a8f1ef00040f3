"""Packing: texts end to end in one row, so that nothing is computed for padding.

Only attention looks across tokens. For that alone the texts are laid under each other, some of like
length at a time, padded on the right. A beginning that several texts share is there once.

Shapes: N tokens, B texts of at most T, H heads of D.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

KIN = frozenset({"llama", "qwen2", "qwen3"})  # they attend as is done here
NAME = "simctl_packed"
TOGETHER = 16  # texts that attend at a time
Rows = Sequence[tuple[Sequence[int], Sequence[int]]]  # prompts and answers


@dataclass(frozen=True)
class Packing:
    """Where each token of some texts is."""

    ids: Tensor  # (1, N)
    positions: Tensor  # (1, N), each in its text
    slots: list[Tensor]  # (B, T) each: the token of each place; padding has any
    places: Tensor  # (N): the place of each token, counted through all slots
    answers: Tensor  # the tokens after which one of an answer comes, in order

    @classmethod
    def of(cls, rows: Rows) -> "Packing":
        """Pack (prompt, answer) rows. The last token of an answer is not read."""
        begun: dict[tuple[int, ...], range] = {}
        ids: list[int] = []
        positions: list[int] = []
        places: list[int] = []
        answers: list[int] = []
        slots: list[Tensor] = []
        place = 0
        for first in range(0, len(rows), TOGETHER):
            some = rows[first : first + TOGETHER]
            width = max(len(prompt) + len(tokens) for prompt, tokens in some) - 1
            laid: list[list[int]] = []
            for prompt, tokens in some:
                # the end of a prompt is each text's own: an answer's token comes after it
                shared, own = tuple(prompt[:-1]), [prompt[-1], *tokens[:-1]]
                if shared not in begun:
                    begun[shared] = range(len(ids), len(ids) + len(shared))
                    ids += shared
                    positions += range(len(shared))
                    places += range(place, place + len(shared))
                at = range(len(ids), len(ids) + len(own))
                ids += own
                positions += range(len(shared), len(shared) + len(own))
                places += range(place + len(shared), place + len(shared) + len(own))
                answers += at
                padding = [0] * (width - len(shared) - len(own))
                laid.append([*begun[shared], *at, *padding])
                place += width
            slots.append(torch.tensor(laid))
        return cls(
            ids=torch.tensor([ids]),
            positions=torch.tensor([positions]),
            slots=slots,
            places=torch.tensor(places),
            answers=torch.tensor(answers),
        )


def can_pack(model: nn.Module) -> bool:
    """Whether a model attends over all that was before, each token as any other."""
    config: Any = getattr(model, "config", None)
    return (
        getattr(config, "model_type", None) in KIN
        and config._attn_implementation == "sdpa"  # noqa: SLF001 - it has no other name
        and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
    )


def packed_logits(model: nn.Module, rows: Rows) -> Tensor:
    """Return the logits (N, V) that predict the answers of (prompt, answer) rows, end to end."""
    packing = Packing.of(rows)
    with attending(model):
        out = model(
            input_ids=packing.ids,
            position_ids=packing.positions,
            use_cache=False,
            logits_to_keep=packing.answers,
            packing=packing,
        )
    logits: Tensor = out.logits[0]
    return logits


@contextmanager
def attending(model: nn.Module) -> Generator[None]:
    """Let a model attend as is done here."""
    config: Any = model.config
    usual = config._attn_implementation  # noqa: SLF001
    config._attn_implementation = NAME  # noqa: SLF001
    try:
        yield
    finally:
        config._attn_implementation = usual  # noqa: SLF001


def _attend(  # noqa: PLR0913, PLR0917 - as transformers calls it
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float,
    packing: Packing,
    **_: object,
) -> tuple[Tensor, None]:
    """Attend from tokens (1, H, N, D) to those before them in their texts: (1, N, H, D)."""
    del module, attention_mask
    flat = [each[0].transpose(0, 1) for each in (query, key, value)]
    shares = query.shape[1] != key.shape[1]
    attended: list[Tensor] = []
    for slots in packing.slots:
        queries, keys, values = (
            each.index_select(0, slots.flatten())
            .view(*slots.shape, *each.shape[1:])
            .transpose(1, 2)
            for each in flat
        )
        # padding comes after all that is read, so causality alone keeps it out
        out = scaled_dot_product_attention(
            queries, keys, values, is_causal=True, scale=scaling, enable_gqa=shares
        )
        attended.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(attended).index_select(0, packing.places)[None], None


AttentionInterface.register(NAME, _attend)
