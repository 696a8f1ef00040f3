"""Arms: what is compared. A recipe, with what is changed of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from re import sub

from simctl.cli.errors import RecipeError, UserError
from simctl.cli.keys import nearest
from simctl.cli.recipe import Recipe, load

_ENDLESS = 1_000_000  # rounds: the budget ends a run, unless an arm says otherwise
_OPENING, _CLOSING, _QUOTES = "[{", "]}", "\"'"


@dataclass(frozen=True)
class Arm:
    """A recipe's name or file, and changes of it. `name` is what tables call it.

    A change is `key=value`, or the name of one of the recipe's own arms.
    """

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
        """Return all that is changed of its recipe for a run, as after --set.

        Raises:
            RecipeError: there is no such recipe, or it has no such arm.
        """
        own = [word for each in self.sets for word in ([each] if "=" in each else self._own(each))]
        given = [f"run.rounds={_ENDLESS}", *sets, *own]
        return [*given, f"run.max_tokens={tokens}", f"seed={seed}"]

    def _own(self, name: str) -> tuple[str, ...]:
        """Return what makes one of the recipe's own arms."""
        arms = load(self.recipe).arms
        if name not in arms:
            there = ", ".join(nearest(name, list(arms))) or "none"
            raise RecipeError(
                f"arm {self.name}: recipe {self.recipe} has no arm {name}; there are: {there} "
                "(a change is written key=value)"
            )
        return arms[name]


def parse(text: str) -> Arm:
    """Return the arm that `RECIPE[:key=value,...]` or `RECIPE:ARM` tells of."""
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
