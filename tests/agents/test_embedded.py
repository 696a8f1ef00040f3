from transformers import AutoModelForCausalLM, AutoTokenizer

from simctl.agents.policy.alphabet import IDS, encode, tokenizer
from simctl.agents.policy.embedded import PATH, SHA256
from simctl.store.policies import WEIGHTS, hash_file

_LARGEST = 4_000_000


def test_the_shipped_weights_are_the_recorded_ones():
    assert hash_file(PATH / WEIGHTS) == SHA256


def test_the_shipped_weights_are_small():
    assert (PATH / WEIGHTS).stat().st_size <= _LARGEST


def test_the_shipped_policy_is_an_ordinary_model_over_the_alphabet():
    model = AutoModelForCausalLM.from_pretrained(PATH, local_files_only=True)
    assert model.config.vocab_size == len(IDS)
    assert model.config.eos_token_id == IDS["\n"]


def test_the_shipped_tokenizer_is_the_alphabet():
    shipped = AutoTokenizer.from_pretrained(PATH, local_files_only=True)
    text = "&k+5=2.|7k+5>k+5=2\n"
    assert tuple(shipped.encode(text)) == encode(text)
    assert shipped.get_vocab() == tokenizer().get_vocab()
