"""Serving: a sampler over a policy that somebody named."""

from collections.abc import Iterable
from pathlib import Path

from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.tasks.environment import Briefs
from simctl.bus.quiescence import Quiescence
from simctl.cli.errors import RecipeError
from simctl.cli.policies import PolicyError, has_template
from simctl.cli.recipe import Recipe


def serve(
    path: Path,
    version: int,
    quiescence: Quiescence,
    max_batch: int,
    separate: Iterable[str] = (),
) -> TransformersSampler:
    """Return a sampler that serves the policy in `path`, and the copies that `separate` roles have.

    Raises:
        PolicyError: transformers cannot load it, or no answer of it would end.
    """
    try:
        return TransformersSampler(path, version, quiescence, max_batch, separate)
    except ValueError as error:
        raise PolicyError(f"policy {error}") from error


def form_of(recipe: Recipe, policy: Path) -> Form:
    """Return how the roles of a run speak with the policy that it began with.

    Raises:
        RecipeError: it wants dialogues, and the policy or the family of problems knows none.
    """
    chosen, chats = recipe.prompts.form, has_template(policy)
    if chosen == "characters" or (chosen == "auto" and not chats):
        return CHARACTERS
    if not chats:
        raise RecipeError(
            f'recipe {recipe.name}: prompts.form is "chat", and policy {policy} has no chat '
            "template: neither chat_template.jinja nor chat_template in tokenizer_config.json"
        )
    family = recipe.environment()
    if not isinstance(family, Briefs) or recipe.episode.kind == "rehearse":
        raise RecipeError(
            f"recipe {recipe.name}: a chat model cannot be asked about task.kind "
            f'"{recipe.task.kind}" in episode.kind "{recipe.episode.kind}": chains and their like '
            'are written in the embedded policy\'s characters. Take "words" or "dataset", and an '
            'episode other than "rehearse"'
        )
    brief = family.brief()
    return recipe.prompts.chat(brief.problems, brief.solutions)
