"""Serving: a sampler over a policy that somebody named, and engines in its place for some roles."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simctl.agents.forms.characters import CHARACTERS
from simctl.agents.forms.form import Form
from simctl.agents.policy.endpoint import EndpointSampler
from simctl.agents.policy.engines import LocalEngine, OpenAIEngine
from simctl.agents.policy.ensemble import Ensemble
from simctl.agents.policy.http import Poster
from simctl.agents.policy.sampler import Closes, Sampler, ServingSampler
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.agents.tasks.environment import Briefs
from simctl.bus.asks import ROLES, Role
from simctl.bus.quiescence import Quiescence
from simctl.cli import vllm
from simctl.cli.errors import RecipeError
from simctl.cli.policies import PolicyError, base, fetched, has_template
from simctl.cli.recipe import Recipe


def check(recipe: Recipe, path: Path) -> None:
    """See that the policy in `path` can be served, with the recipe's engines for some roles.

    Raises:
        PolicyError: it cannot be loaded, no answer of it would end, or an engine is not to be had.
    """
    if recipe.sampler.engine == "vllm":
        vllm.check(recipe, path)
        _others(recipe, Quiescence(), ROLES)
    else:
        serve(recipe, path, 0, Quiescence())


def serve(  # noqa: PLR0913 - what is served, and where
    recipe: Recipe,
    path: Path,
    version: int,
    quiescence: Quiescence,
    roles: Sequence[Role] = ROLES,
    *,
    place: vllm.Place = vllm.Place(),  # noqa: B008 - it is frozen
) -> ServingSampler:
    """Return a sampler of the policy in `path`, with the recipe's engines for those of `roles`.

    Whoever has it lets go with `held` what it holds.

    Raises:
        PolicyError: it cannot be loaded, no answer of it would end, or an engine is not to be had.
    """
    own = _own(recipe, path, version, quiescence, place)
    others, names = _others(recipe, quiescence, roles)
    return Ensemble(own, others, names) if others else own


@contextmanager
def held(sampler: Sampler) -> Generator[None]:
    """Let go in the end what a sampler holds, such as a server of its own."""
    try:
        yield
    finally:
        if isinstance(sampler, Closes):
            sampler.close()


def _others(
    recipe: Recipe, quiescence: Quiescence, roles: Sequence[Role]
) -> tuple[dict[Role, Sampler], dict[Role, str]]:
    """Return the samplers of those of `roles` that other engines play, and what they are called."""
    wanted: list[Role] = [role for role in roles if recipe.engines.get(role) is not None]
    return (
        {role: _engine(recipe, role, quiescence) for role in wanted},
        {role: _name(recipe.engines[role]) for role in wanted},
    )


def _own(
    recipe: Recipe, path: Path, version: int, quiescence: Quiescence, place: vllm.Place
) -> ServingSampler:
    """Return the sampler of the run's own policy."""
    if recipe.sampler.engine == "vllm":
        return vllm.sampler(recipe, path, version, quiescence, place)
    return _local(recipe, path, version, quiescence, own=True)


def _local(
    recipe: Recipe,
    path: Path,
    version: int,
    quiescence: Quiescence,
    *,
    own: bool = False,
) -> TransformersSampler:
    """Return a sampler of transformers; the run's own is the one whose weights change."""
    settings = recipe.sampler
    try:
        return TransformersSampler(
            path,
            version,
            quiescence,
            settings.max_batch,
            recipe.trainer.separate if own else (),
            device=settings.device,
            dtype=settings.dtype,
            tolerance=settings.probe_bound,
            in_flight=own and recipe.early is not None,
        )
    except ValueError as error:
        raise PolicyError(f"policy {error}") from error


def _engine(recipe: Recipe, role: Role, quiescence: Quiescence) -> Sampler:
    settings = recipe.engines[role]
    if isinstance(settings, LocalEngine):
        return _local(recipe, base(settings.path), 0, quiescence)
    key = os.environ.get(settings.api_key_env, "")
    if settings.api_key_env and not key:
        raise PolicyError(
            f"engines.{role} wants a key in the environment variable {settings.api_key_env}, "
            "and it is not set"
        )
    poster = Poster(
        settings.base_url,
        key,
        timeout=settings.timeout,
        retries=settings.retries,
        per_minute=settings.requests_per_minute,
    )
    try:
        return EndpointSampler(settings, poster, quiescence, _vocabulary(settings))
    except ValueError as error:
        raise PolicyError(f"engines.{role}: {error}") from error


def _vocabulary(settings: OpenAIEngine) -> Vocabulary | None:
    if settings.api == "chat" or not settings.tokenizer:
        return None
    return Vocabulary(fetched(settings.tokenizer, weights=False))


def _name(settings: LocalEngine | OpenAIEngine) -> str:
    return settings.path if isinstance(settings, LocalEngine) else settings.model


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
    return _dialogues(recipe)


def forms_of(recipe: Recipe) -> dict[Role, Form]:
    """Return how roles speak whose place another engine takes.

    Raises:
        RecipeError: one wants dialogues, and the family of problems knows none.
    """
    return {
        role: _dialogues(recipe) if _chats(settings) else CHARACTERS
        for role, settings in recipe.engines.items()
    }


def _chats(settings: LocalEngine | OpenAIEngine) -> bool:
    if isinstance(settings, LocalEngine):
        return has_template(base(settings.path))
    if settings.api == "chat":
        return True
    return bool(settings.tokenizer) and has_template(fetched(settings.tokenizer, weights=False))


def _dialogues(recipe: Recipe) -> Form:
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
