"""Policies that a run can begin with: the one in the package, or a directory."""

import json
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from huggingface_hub import snapshot_download
from tokenizers import Tokenizer

from simctl.cli.errors import UserError
from simctl.cli.recipe import EMBEDDED, Recipe
from simctl.store.policies import COPIES, WEIGHTS, copies

TOKENIZER = "tokenizer.json"
_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
_OF_A_MODEL = ("*.json", "*.jinja", "*.txt", "*.model")
_NEEDED = ("config.json", TOKENIZER, WEIGHTS)


class PolicyError(UserError):
    """There is no policy where one was asked for."""


def base(path: str) -> Path:
    """Return the directory of a policy.

    Raises:
        PolicyError: it is no policy that transformers could load.
    """
    found = embedded() if path == EMBEDDED else fetched(path)
    missing = [name for name in _NEEDED if not (found / name).is_file()]
    if missing == [WEIGHTS] and any(found.glob("model-*.safetensors")):
        raise PolicyError(
            f"{found} has its weights in several files, and a version is proved by the hash of "
            "one: load it with transformers, and save_pretrained(DIR, max_shard_size='1TB')"
        )
    if missing:
        raise PolicyError(
            f"{found} holds no policy: {', '.join(missing)} missing. A policy is a directory that "
            "transformers can load, with its weights in safetensors"
        )
    return found


def fetched(path_or_id: str, *, weights: bool = True) -> Path:
    """Return the directory of a model: as it was given, or of the hub's copy on this machine.

    Raises:
        PolicyError: there is no such directory, and it cannot be had from the hub.
    """
    place = Path(path_or_id)
    if place.is_dir():
        return place
    if not _HUB_ID.fullmatch(path_or_id):
        raise PolicyError(
            f"policy {path_or_id} is no directory; give one, a hub id such as "
            f'Qwen/Qwen3-0.6B, or "{EMBEDDED}"'
        )
    wanted = _OF_A_MODEL + (("*.safetensors",) if weights else ())
    try:
        return Path(snapshot_download(path_or_id, allow_patterns=list(wanted)))
    except Exception as error:  # whatever the hub's client makes of networks, names and rights
        told = str(error).strip().partition("\n")[0]
        raise PolicyError(
            f"policy {path_or_id} is no directory, and the hub does not give it: {told}. Offline, "
            "give the directory of a model that is on this machine"
        ) from error


def of_recipe(recipe: Recipe) -> Path:
    """Return the directory of the policy that a recipe begins with.

    Raises:
        PolicyError: it is none, or a role has a copy in it that the recipe would leave unused.
    """
    found = base(recipe.policy.path)
    for role in copies(found):
        if role not in recipe.trainer.separate:
            raise PolicyError(
                f"in policy {found} the {role} has weights of its own, and recipe {recipe.name} "
                f"does not name it in trainer.separate. Name it, or remove {found / COPIES}"
            )
    return found


def has_template(policy: Path) -> bool:
    """Whether a policy has a chat template."""
    if (policy / "chat_template.jinja").is_file():
        return True
    try:
        told = json.loads((policy / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(told.get("chat_template"))


def misreading(policy: Path, recipe: Recipe) -> str:
    """Return what to warn of where a tokenizer loses characters of the problems; "" where none.

    Raises:
        RecipeError: the family of problems is not to be had.
    """
    if not recipe.suite:
        return ""
    first = recipe.suite[0]
    family = recipe.environment()
    problem = family.targets(first.difficulty, first.problems)[0]
    reference = family.check(problem).reference
    tokenizer = Tokenizer.from_file(str(policy / TOKENIZER))
    for text in (problem, reference):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        read = tokenizer.decode(ids, skip_special_tokens=False)
        if read != text:
            return (
                f"the tokenizer of policy {policy.name} reads {text!r} as {read!r}: no problem can "
                "be learnt of which characters are lost. Another policy is given with --policy DIR"
            )
    return ""


def embedded() -> Path:
    """Return the directory of the policy in the package."""
    return Path(str(resources.files("simctl.agents.policy"))) / EMBEDDED


def reader(policy: Path) -> Callable[[Sequence[int]], str]:
    """Return what reads the tokens of a policy; where it has no tokenizer they stay numbers."""
    file = policy / TOKENIZER
    if not file.is_file():
        return str
    tokenizer = Tokenizer.from_file(str(file))
    return lambda tokens: tokenizer.decode(list(tokens), skip_special_tokens=False)
