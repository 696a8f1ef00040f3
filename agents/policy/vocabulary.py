"""The vocabulary of a policy: prompts to token ids and back, as transformers knows it.

What is said in a dialogue never becomes a special token: a model that writes its own end of turn
into an answer cannot end the turn of whoever reads it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from simctl.agents.policy.sampler import Dialogue, Prompt

_SAID = "simctl"  # a word that a template leaves as it is, to find what ends a turn


class Vocabulary:
    """The tokenizer in a policy's directory, with its chat template if there is one.

    An answer ends with any of `ends`: the tokenizer's end, those of generation_config.json, and the
    token with which the chat template ends a turn. `end` is the one that a right answer is taught.
    """

    def __init__(self, path: Path) -> None:
        """Load the tokenizer in `path`.

        Raises:
            ValueError: there is none, or none by which an answer could end.
        """
        self._tokenizer = _load(path)
        self._special = _special(self._tokenizer)
        self.chats = bool(self._tokenizer.chat_template)
        eos = int(self._tokenizer.eos_token_id)
        turn = self._end_of_turn() if self.chats else None
        self.end = eos if turn is None else turn
        self.ends = frozenset({eos, self.end, *_generation_ends(path)})
        padding = self._tokenizer.pad_token_id
        self.padding = 0 if padding is None else int(padding)  # it is masked, so any will do

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a text as it stands, or of a dialogue by the chat template.

        Raises:
            ValueError: it is a dialogue, and there is no template.
        """
        if isinstance(text, tuple):
            return text
        written = self.write(text) if isinstance(text, Dialogue) else text
        return tuple(self._tokenizer.encode(written, add_special_tokens=False))

    def write(self, said: Dialogue) -> str:
        """Return the text of a dialogue up to where the model goes on.

        Raises:
            ValueError: there is no chat template.
        """
        begun = self._plain(said.begun)
        messages = [{"role": "user", "content": said.user}]
        if said.system:
            messages.insert(0, {"role": "system", "content": said.system})
        return self.script(messages, dict(said.options)) + begun

    def script(self, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any]) -> str:
        """Return the text of messages with `role` and `content`, up to where the model goes on.

        Raises:
            ValueError: there is no chat template, or it refuses such messages.
        """
        if not self.chats:
            raise ValueError(
                "the policy has no chat template (chat_template.jinja, or in tokenizer_config.json)"
                ': let prompts.form be "characters", or give it one'
            )
        said = [{**each, "content": self._plain(each["content"])} for each in messages]
        try:
            return self._apply(said, options)
        except Exception as error:  # templates say in many ways that they know no system role
            if len(said) > 1 and said[0]["role"] == "system":
                together = f"{said[0]['content']}\n\n{said[1]['content']}"
                return self.script([{**said[1], "content": together}, *said[2:]], options)
            raise ValueError(f"the chat template refuses what is said: {error}") from error

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of token ids, whatever they are."""
        return str(self._tokenizer.decode(list(tokens)))

    def read(self, tokens: Sequence[int]) -> tuple[str, bool]:
        """Return the text of an answer without its end, and whether it has none."""
        truncated = not tokens or tokens[-1] not in self.ends
        return self.decode(tokens if truncated else tokens[:-1]), truncated

    def _apply(self, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any]) -> str:
        applied: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **options
        )
        return applied

    def _plain(self, text: str) -> str:
        """Return a text without what the tokenizer would take for special tokens."""
        for special in self._special.values():
            text = text.replace(special, "")
        return text

    def _end_of_turn(self) -> int | None:
        """Return the special token that the template writes after what the assistant said."""
        messages = [
            {"role": "user", "content": _SAID},
            {"role": "assistant", "content": _SAID},
        ]
        written: str = self._tokenizer.apply_chat_template(messages, tokenize=False)
        after = self._tokenizer.encode(written.rpartition(_SAID)[2], add_special_tokens=False)
        return next((int(token) for token in after if token in self._special), None)


def _generation_ends(path: Path) -> Iterable[int]:
    """Return the ends that a model's generation_config.json names."""
    file = path / "generation_config.json"
    if not file.is_file():
        return ()
    try:
        ends = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    return [int(each) for each in (ends if isinstance(ends, list) else [ends]) if each is not None]


def _special(tokenizer: Any) -> dict[int, str]:
    """Return the special tokens by their ids, also those that have no name."""
    added = tokenizer.added_tokens_decoder.items()
    unnamed = {int(at): str(token) for at, token in added if token.special}
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return unnamed | {int(at): str(text) for at, text in named}


def _load(path: Path) -> Any:
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(path)
    except Exception as error:  # whatever a broken file makes the loader raise
        raise ValueError(f"{path} holds no loadable tokenizer: {error}") from error
    if tokenizer.eos_token_id is None:
        raise ValueError(f"{path} names no eos_token in tokenizer_config.json: no answer would end")
    return tokenizer
