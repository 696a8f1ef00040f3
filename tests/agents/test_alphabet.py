import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.policy.alphabet import IDS, TOKENS, encode, tokenizer
from simctl.agents.tasks.classroom import KINDS, demonstration
from simctl.bus.dice import dice


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_encoded_decodes_to_the_same_text(kind: str):
    words = tokenizer()
    for seed in range(20):
        shown = demonstration(kind, dice(seed))
        text = shown.prompt + shown.answer
        assert words.decode(words.encode(text)) == text


@given(st.lists(st.sampled_from(TOKENS)).map("".join))
def test_the_quick_encoder_is_the_tokenizer(text: str):
    assert encode(text) == tuple(WORDS.encode(text))


WORDS = tokenizer()


def test_a_step_is_three_tokens():
    assert [TOKENS[at] for at in encode("k+5=2")] == ["k", "+5", "=2"]


def test_a_text_outside_the_alphabet_is_refused():
    with pytest.raises(KeyError):
        encode("ä")


def test_the_tokenizer_pads_and_ends_as_the_model_expects():
    assert (WORDS.pad_token_id, WORDS.eos_token_id) == (IDS["_"], IDS["\n"])
    assert WORDS.padding_side == "left"
    assert json.loads(WORDS.backend_tokenizer.to_str())["model"]["vocab"] == IDS
