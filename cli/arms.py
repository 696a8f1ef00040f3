"""Arms: what is compared. A recipe, with what is changed of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from re import sub

from simctl.cli.errors import UserError
from simctl.cli.recipe import Recipe, load

_ENDLESS = 1_000_000  # rounds: the budget ends a run, unless an arm says otherwise
_OPENING, _CLOSING, _QUOTES = "[{", "]}", "\"'"


@dataclass(frozen=True)
class Arm:
    """A recipe's name or file, and changes as after --set. `name` is what tables call it."""

    name: str
    recipe: str
    sets: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The name as a part of a directory's."""
        return sub(r"[^\w.=+-]+", "_", self.name).strip("_.")

    def load(self, seed: int, tokens: int, sets: Sequence[str] = ()) -> Recipe:
        """Return the recipe of its run with a seed and a budget; `sets` are those of all arms.

        Raises:
            RecipeError: there is no such recipe, or it says what no recipe may say.
        """
        return load(self.recipe, self.changes(seed, tokens, sets))

    def changes(self, seed: int, tokens: int, sets: Sequence[str] = ()) -> list[str]:
        """Return all that is changed of its recipe for a run."""
        given = [f"run.rounds={_ENDLESS}", *sets, *self.sets]
        return [*given, f"run.max_tokens={tokens}", f"seed={seed}"]


def parse(text: str) -> Arm:
    """Return the arm that `RECIPE[:key=value,...]` tells of."""
    recipe, _, changes = text.partition(":")
    sets = tuple(filter(None, _split(changes)))
    return Arm(text, recipe, sets)


def parse_all(texts: Iterable[str]) -> tuple[Arm, ...]:
    """Return arms in the order that they are told of.

    Raises:
        UserError: there is none, or two of them could not be told apart.
    """
    arms = tuple(parse(each) for each in texts)
    if not arms:
        raise UserError("there is nothing to compare: name recipes, for example society grpo")
    slugs = [each.slug for each in arms]
    twice = next((arm.name for arm in arms if slugs.count(arm.slug) > 1), None)
    if twice is not None:
        raise UserError(f"arm {twice} is there twice; each arm is named once")
    return arms


def _split(text: str) -> Iterator[str]:
    """Give the parts between commas that stand in no list, table or quotes."""
    begin, depth, quote = 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == "," and not depth:
            yield text[begin:at].strip()
            begin = at + 1
    yield text[begin:].strip()
