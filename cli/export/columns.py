"""The columns of an exported dataset: their types and what they mean."""

from collections.abc import Sequence

import pyarrow as pa

from simctl.cli.export.forms import SIDES
from simctl.cli.export.wanted import Wanted

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_ABOUT = {
    "run": (pa.string(), "The run"),
    "role": (pa.string(), "Who answered"),
    "kind": (pa.string(), "The kind of message that the answer is"),
    "round": (pa.int64(), "The round"),
    "task": (pa.int64(), "seq of the event that posed the task"),
    "problem": (pa.string(), "The problem of that task"),
    "reference": (pa.string(), "A right solution, as the environment knows it"),
    "difficulty": (pa.int64(), "The task's difficulty, as the environment knows it"),
}
_OWN = {
    "seq": (pa.int64(), "seq of the event that holds the answer"),
    "prompt_seq": (pa.int64(), "seq of the event that asked for it"),
    "episode": (pa.string(), "The episode"),
    "policy_version": (
        pa.int64(),
        "The policy version that answered, the oldest of several; null: nobody sampled it",
    ),
    "reward": (pa.float64(), "What the answer earned; null: nobody graded it"),
    "parts": (None, "What the reward is made of"),
    "truncated": (pa.bool_(), "Whether the length limit ended the answer"),
}
_TEXTS = {
    "prompt": "What the model was shown",
    "completion": "What it said",
    "chosen": "What it said when it was right",
    "rejected": "What it said when it was wrong",
}
_COUNTS = {
    "answers": (pa.int64(), "How many answers there are to this prompt"),
    "graded": (pa.int64(), "How many of them were graded"),
    "mean_reward": (pa.float64(), "What those earned on the average"),
}
Columns = dict[str, tuple[pa.DataType, str]]


def columns(wanted: Wanted, parts: Sequence[str]) -> Columns:
    """Return the type and the meaning of each column; `parts` are the names of a grade's."""
    own = {
        name: (type_ or pa.struct([(part, pa.float64()) for part in parts]), text)
        for name, (type_, text) in _OWN.items()
        if name != "parts" or parts
    }
    match wanted.form:
        case "preference":
            sides = {
                f"{side}_{name}": (type_, f"{text} ({side})")
                for side in SIDES
                for name, (type_, text) in own.items()
            }
            return _texts(wanted, "prompt", *SIDES) | _ABOUT | sides
        case "prompts":
            first = {name: own[name] for name in ("seq", "prompt_seq", "policy_version")}
            return _texts(wanted, "prompt") | _ABOUT | first | _COUNTS
        case _:
            label = {"label": (pa.bool_(), "Whether the answer is right")}
            found = _texts(wanted, "prompt", "completion") | _ABOUT | own
            return found | label if wanted.form == "unpaired" else found


def _texts(wanted: Wanted, *names: str) -> Columns:
    type_ = _MESSAGES if wanted.conversational else pa.string()
    return {name: (type_, _TEXTS[name]) for name in names}
