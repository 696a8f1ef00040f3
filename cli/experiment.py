"""Experiments: a claim of the literature with the arms, seeds and budget that test it."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from simctl.bus.values import Value
from simctl.cli.arms import Arm, parse
from simctl.cli.claims import AnyClaim
from simctl.cli.errors import RecipeError
from simctl.cli.keys import nearest
from simctl.cli.mistakes import mistakes
from simctl.cli.toml import literal

SUFFIX = ".toml"


class ArmSettings(Value):
    """One arm: a recipe, with what is changed of it."""

    name: str = Field(min_length=1, description="what tables and the claim call it")
    recipe: str = Field(description="a recipe's name or TOML file")
    arm: str = Field(default="", description="one of the recipe's own arms; none for the recipe")
    set: dict[str, Any] = Field(default={}, description="changes of the recipe, by key")

    def played(self, common: tuple[str, ...] = ()) -> Arm:
        """Return the arm that is played, with the changes that all arms have in common."""
        own = (self.arm,) if self.arm else ()
        return Arm(self.name, self.recipe, (*common, *own, *_flat(self.set)))


class Experiment(Value):
    """What is played, what is measured, and what is claimed of it."""

    name: str = Field(default="", description="its name: that of the file")
    title: str = Field(description="what is asked, in one line")
    finding: str = Field(description="which finding it tests, with its papers")
    claim: str = Field(description="what is claimed, in a sentence")
    tokens: int = Field(ge=1, description="budget of each run, fixed before the first one")
    seeds: tuple[int, ...] = Field(
        default=(0, 1, 2, 3, 4), min_length=1, description="seeds of each arm: the pairs"
    )
    metric: str = Field(
        default="targets/sampled", description="SUITE/SCORE, or the name of what the SQL gives"
    )
    sql: str = Field(
        default="", description="rows of tokens and score from each run's log; none for a suite's"
    )
    measure: Literal["final", "area"] = Field(
        default="final", description="score at the budget, or area under the curve up to it"
    )
    good: Literal["high", "low"] = Field(
        default="high", description="whether more of the metric is better, or less"
    )
    runs: str = Field(
        default="", description="where its runs are, if it shares them; none for its own name"
    )
    set: dict[str, Any] = Field(default={}, description="changes of every arm, by key")
    arms: tuple[ArmSettings, ...] = Field(default=(), description="what is compared")
    recipes: tuple[str, ...] = Field(
        default=(), description="further arms under their own names: RECIPE or RECIPE:ARM"
    )
    compare: AnyClaim = Field(description="the claim as a comparison of arms")

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        names = [arm.name for arm in self.played()]
        if len(names) < 2:  # noqa: PLR2004 - a comparison
            raise ValueError("arms and recipes are fewer than two; there is nothing to compare")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"arm {', '.join(twice)} is there twice; each needs its own name")
        for name in self.compare.names():
            if name not in names:
                raise ValueError(f"compare names arm {name}; there are: {', '.join(names)}")
        return self

    def played(self) -> tuple[Arm, ...]:
        """Return the arms in their order."""
        common = tuple(_flat(self.set))
        own = (each.played(common) for each in self.arms)
        told = map(parse, self.recipes)
        return (*own, *(replace(each, sets=(*common, *each.sets)) for each in told))


def names() -> list[str]:
    """Return the names of the experiments in the package."""
    files = (Path(each.name) for each in resources.files("simctl.experiments").iterdir())
    return sorted(file.stem for file in files if file.suffix == SUFFIX)


def load(name_or_path: str) -> Experiment:
    """Return an experiment of the package by name, or of a file by its path.

    Raises:
        RecipeError: there is none, or it says what no experiment may say.
    """
    title = f"experiment {name_or_path}"
    try:
        tables = tomllib.loads(_read(name_or_path))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{title} is no TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{title} cannot be read: {error}") from error
    tables.setdefault("name", Path(name_or_path).stem)
    try:
        # as JSON, strictly: a list is a tuple, 1 is a float, and "1" or true is no number
        return Experiment.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        found = [f"{title}: {each}" for each in mistakes(error, Experiment)]
        raise RecipeError("\n".join(found)) from error


def _read(name_or_path: str) -> str:
    if name_or_path.endswith(SUFFIX):
        return Path(name_or_path).read_text("utf-8")
    known = names()
    if name_or_path not in known:
        listed = ", ".join(nearest(name_or_path, known))
        raise RecipeError(
            f"there is no experiment {name_or_path!r}; there are: {listed} "
            f"(a file of your own is given by its path, ending in {SUFFIX})"
        )
    return (resources.files("simctl.experiments") / f"{name_or_path}{SUFFIX}").read_text("utf-8")


def _flat(tables: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Give `a.b=v` for what tables say."""
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}={literal(value)}"
