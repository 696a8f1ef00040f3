"""Policies whose last layer is the first, as a server gets them that cannot read such again.

vLLM 0.32 on a CPU packs a last layer of its own from weights that are tied. `reload_weights` reads
the first layer and leaves the packed one as it was: what serves then is neither of the policies.
So such a server gets the last layer as a file of its own beside the others.
"""

import json
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from simctl.store.policies import WEIGHTS

CONFIG = "config.json"
_TIED = "tie_word_embeddings"
_FIRST, _LAST = "embed_tokens.weight", "lm_head.weight"
_HEAD = "head.safetensors"


def untied(path: Path, place: Path) -> Path:
    """Return a directory with the policy in `path` and a last layer of its own, below `place`.

    It is `path` itself where nothing is tied. What the files hold is not copied but linked to, and
    what was made there before, which has been read, is gone.
    """
    config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    with safe_open(path / WEIGHTS, "pt") as weights:
        names = list(weights.keys())
        first = next((name for name in names if name.endswith(_FIRST)), None)
        if not config.get(_TIED, False) or first is None or _LAST in names:
            return path
        head = weights.get_tensor(first)
    for old in place.glob("*"):
        if old.name != path.name:
            shutil.rmtree(old)
    made = place / path.name
    made.mkdir(parents=True, exist_ok=True)
    for file in path.iterdir():
        linked = made / file.name
        if file.is_file() and file.name != CONFIG:
            linked.unlink(missing_ok=True)
            linked.symlink_to(file.absolute())
    (made / CONFIG).write_text(json.dumps({**config, _TIED: False}), encoding="utf-8")
    save_file({_LAST: head}, made / _HEAD)
    return made
