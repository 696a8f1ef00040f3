"""The vocabulary of a policy: text to token ids and back, as transformers knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer


class Vocabulary:
    """The tokenizer in a policy's directory."""

    def __init__(self, path: Path) -> None:
        """Load the tokenizer in `path`.

        Raises:
            ValueError: there is none, or none by which an answer could end.
        """
        self._tokenizer = _load(path)
        self.end = int(self._tokenizer.eos_token_id)
        padding = self._tokenizer.pad_token_id
        self.padding = 0 if padding is None else int(padding)  # it is masked, so any will do

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of `text`."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of token ids, whatever they are."""
        return str(self._tokenizer.decode(list(tokens)))

    def read(self, tokens: Sequence[int]) -> tuple[str, bool]:
        """Return the text of an answer without its end, and whether it has none."""
        truncated = not tokens or tokens[-1] != self.end
        return self.decode(tokens if truncated else tokens[:-1]), truncated


def _load(path: Path) -> Any:
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(path)
    except Exception as error:  # whatever a broken file makes the loader raise
        raise ValueError(f"{path} holds no loadable tokenizer: {error}") from error
    if tokenizer.eos_token_id is None:
        raise ValueError(f"{path} names no eos_token in tokenizer_config.json: no answer would end")
    return tokenizer
