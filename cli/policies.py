"""Policies that a run can begin with: the one in the package, or a directory."""

import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from tokenizers import Tokenizer

from simctl.cli.errors import UserError
from simctl.cli.recipe import EMBEDDED, Recipe
from simctl.store.policies import COPIES, WEIGHTS, copies

TOKENIZER = "tokenizer.json"
_NEEDED = ("config.json", TOKENIZER, WEIGHTS)


class PolicyError(UserError):
    """There is no policy where one was asked for."""


def base(path: str) -> Path:
    """Return the directory of a policy.

    Raises:
        PolicyError: it is no policy that transformers could load.
    """
    found = embedded() if path == EMBEDDED else Path(path)
    if not found.is_dir():
        raise PolicyError(f'policy {path} is no directory; give one, or "{EMBEDDED}"')
    missing = [name for name in _NEEDED if not (found / name).is_file()]
    if missing:
        raise PolicyError(
            f"{found} holds no policy: {', '.join(missing)} missing. A policy is a directory that "
            "transformers can load, with its weights in safetensors"
        )
    return found


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
