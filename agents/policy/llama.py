"""Llama's kin, a token at a time: what transformers computes, without what it does around it.

Llama, Qwen2 and Qwen3 in single precision. The operations are theirs, in their order; projections
that read the same are one product, and the cache has room for the tokens to come instead of being
copied for each. Where a batch is small and so is the model, that is most of the time. The numbers
are theirs to the last bit wherever a product's do not depend on how many columns it has, as on
every machine that this was tried on; and a run never mixes the two.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, pad, scaled_dot_product_attention, silu

from simctl.agents.policy.passage import read_prompts

KIN = frozenset({"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
ROOM = 32  # tokens for which a cache is given room at a time


class Kin:
    """The weights of such a model, as its next tokens are computed from them.

    L layers, H heads of queries and J of keys and of values, D numbers in each.
    """

    def __init__(self, model: Any) -> None:
        """Take the weights as they are now: a model that learns on is none of ours."""
        config = model.config
        self.eps: float = config.rms_norm_eps
        self.layers = [_Layer(layer) for layer in model.model.layers]
        self.heads, self.keys = config.num_attention_heads, config.num_key_value_heads
        self.words: Tensor = model.model.embed_tokens.weight
        self.norm: Tensor = model.model.norm.weight
        self.head: Tensor = model.lm_head.weight
        self.frequencies: Tensor = model.model.rotary_emb.inv_freq
        self.width = 2 * len(self.frequencies)  # D

    @classmethod
    def of(cls, model: nn.Module) -> Self | None:
        """Return the weights of a model whose every number is computed as here; else None."""
        found: Any = model
        if type(model).__name__ not in KIN or model.training:
            return None
        config, rotary = found.config, found.model.rotary_emb
        plain = (
            config.hidden_act == "silu",
            config._attn_implementation == "sdpa",  # noqa: SLF001 - it has no other name
            set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"},
            rotary.rope_type == "default" and rotary.attention_scaling == 1.0,
            found.lm_head.bias is None,
            not getattr(config, "mlp_bias", False),
            found.model.layers[0].self_attn.o_proj.bias is None,
            all(
                each.dtype == torch.float32 and each.device.type == "cpu"
                for each in model.parameters()
            ),
        )
        return cls(model) if all(plain) else None

    def queries(self, *, masked: bool) -> tuple[int, int, int]:
        """Return the shape in which queries attend: each key's together, where there is a mask."""
        return (self.keys, -1, self.width) if masked else (self.heads, 1, self.width)

    def turns(self, positions: int) -> tuple[Tensor, Tensor]:
        """Return the cosine and the signed sine (positions, 1, D) of the rotary embedding."""
        angles = torch.arange(positions)[:, None].float() * self.frequencies
        sine = angles.sin()
        return torch.cat((angles, angles), -1).cos()[:, None], torch.cat((-sine, sine), -1)[:, None]


class _Layer:
    """The weights of one layer."""

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        inner = (attention.q_proj, attention.k_proj, attention.v_proj)
        self.before: Tensor = layer.input_layernorm.weight
        self.inner = torch.cat([each.weight for each in inner])
        biased = inner[0].bias is not None
        self.bias = torch.cat([each.bias for each in inner]) if biased else None
        self.norms: Tensor | None = None  # (H + J, D)
        if hasattr(attention, "q_norm"):
            queries, keys = (len(each.weight) // attention.head_dim for each in inner[:2])
            norms = [attention.q_norm.weight] * queries + [attention.k_norm.weight] * keys
            self.norms = torch.stack(norms)
        self.scale: float = attention.scaling
        self.outer: Tensor = attention.o_proj.weight
        self.after: Tensor = layer.post_attention_layernorm.weight
        self.rise = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
        self.fall: Tensor = mlp.down_proj.weight


class KinPassage:
    """What such a model has read. Prompts are read by transformers: once, and all at once."""

    def __init__(
        self, kin: Kin, model: nn.Module, ids: Tensor, mask: Tensor, copies: Tensor
    ) -> None:
        """Read the prompts `ids` (P, T), where `mask` is 1, and go on with these `copies` (B)."""
        cache, logits = read_prompts(model, ids, mask)
        self._kin = kin
        self._at = ids.shape[1]
        self.logits, mask = logits[copies], mask[copies]
        self._position = mask.sum(1)
        # what is padding adds -inf to its scores (B, 1, 1, T)
        closed = torch.zeros(mask.shape).masked_fill(mask == 0, -torch.inf)
        self._mask = _unless_open(closed[:, None, None])
        # keys and values side by side (B, 2 J, T, D) for each layer, as far as was read
        read = ((each.keys[copies], each.values[copies]) for each in cache.layers)
        self._known = [torch.cat(both, 1) for both in read]
        self._make_room()

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self._position = self._position[rows]
        if self._mask is not None:
            self._mask = _unless_open(self._mask[rows])
        for at, known in enumerate(self._known):
            # in place: fresh memory costs more than the copy
            known[: len(rows), :, : self._at] = known[rows, :, : self._at]
            self._known[at] = known[: len(rows)]

    def _make_room(self) -> None:
        room = (0, ROOM)
        self._known = [pad(known, (0, 0, *room)) for known in self._known]
        self._cosine, self._sine = self._kin.turns(int(self._position.max()) + ROOM)
        if self._mask is not None:
            self._mask = pad(self._mask, room)

    def read(self, tokens: Tensor) -> Tensor:
        """Add a token to every text."""
        if self._at == self._known[0].shape[2]:
            self._make_room()
        kin, self._at = self._kin, self._at + 1
        turn = self._cosine[self._position], self._sine[self._position]
        x = embedding(tokens, kin.words)
        for layer, known in zip(kin.layers, self._known, strict=True):
            x = x + self._attend(layer, known, _norm(x, layer.before, kin.eps), turn)
            gate, rise = linear(_norm(x, layer.after, kin.eps), layer.rise).chunk(2, -1)
            x = x + linear(silu(gate) * rise, layer.fall)
        self._position = self._position + 1
        return linear(_norm(x, kin.norm, kin.eps), kin.head)

    def _attend(
        self, layer: _Layer, known: Tensor, x: Tensor, turn: tuple[Tensor, Tensor]
    ) -> Tensor:
        kin, rows, (cosine, sine) = self._kin, len(x), turn
        mask = None if self._mask is None else self._mask[..., : self._at]
        inner = linear(x, layer.inner, layer.bias).view(rows, -1, kin.width)
        turned = inner[:, : kin.heads + kin.keys]  # queries and keys, worked on in place
        if layer.norms is not None:
            spread = turned.pow(2).mean(-1, keepdim=True).add_(kin.eps).rsqrt_()
            turned.mul_(spread).mul_(layer.norms)
        half = kin.width // 2
        crossed = torch.cat((turned[..., half:], turned[..., :half]), -1).mul_(sine)
        turned.mul_(cosine).add_(crossed)
        known[:, :, self._at - 1] = inner[:, kin.heads :]
        known = known[:, :, : self._at]
        # as transformers asks: with a mask, the queries of a key stand where times would
        attended = scaled_dot_product_attention(
            inner[:, : kin.heads].view(rows, *kin.queries(masked=mask is not None)),
            known[:, : kin.keys],
            known[:, kin.keys :],
            attn_mask=mask,
            scale=layer.scale,
            enable_gqa=mask is None and kin.keys < kin.heads,
        )
        return linear(attended.reshape(rows, -1), layer.outer)


def _unless_open(mask: Tensor) -> Tensor | None:
    return mask if bool(mask.any()) else None


def _norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    spread = x.pow(2).mean(-1, keepdim=True).add_(eps).rsqrt_()
    return (x * spread).mul_(weight)
