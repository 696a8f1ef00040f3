"""Recipes: one TOML file a system. Says what a recipe may hold, and loads and writes them."""

import json
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from simctl.agents.curricula import AnyCurriculum, Extend
from simctl.agents.curriculum import Syllabus
from simctl.agents.episodes.act import Act
from simctl.agents.episodes.duel import Duel
from simctl.agents.episodes.propose import Propose
from simctl.agents.episodes.rehearse import Rehearse
from simctl.agents.episodes.revise import Revise
from simctl.agents.episodes.search import Search
from simctl.agents.episodes.solve import Solve
from simctl.agents.episodes.teach import Teach
from simctl.agents.evaluation import Suite
from simctl.agents.forms.settings import PromptSettings
from simctl.agents.health.levels import Levels
from simctl.agents.health.watch import Watch
from simctl.agents.policy.engines import AnyEngine
from simctl.agents.rewards import misgiving
from simctl.agents.society import Plan, Rounds
from simctl.agents.tasks.countdown import CountdownSettings
from simctl.agents.tasks.dataset import DatasetSettings
from simctl.agents.tasks.environment import Environment, TaskError
from simctl.agents.tasks.graph import GraphSettings
from simctl.agents.tasks.module import ModuleSettings
from simctl.agents.tasks.program import ProgramSettings
from simctl.agents.tasks.schooled import ChainSettings
from simctl.agents.tasks.words import WordSettings
from simctl.bus.asks import Role
from simctl.bus.values import Value
from simctl.cli import toml
from simctl.cli.errors import RecipeError
from simctl.cli.keys import nearest
from simctl.cli.mistakes import mistakes
from simctl.cli.overrides import onto, override
from simctl.cli.settings import LogSettings, SamplerSettings
from simctl.trainer.objectives import AnyObjective
from simctl.trainer.settings import (
    PromotionSettings,
    TeacherSettings,
    TrainerSettings,
    Training,
)

EMBEDDED = "embedded"
TARGETS = "targets"  # the suite that a run is judged by
SUFFIX = ".toml"
EXTENDS = "extends"  # the key of a file that names the recipe it goes on from
# what a recipe says of itself; who goes on from it says that anew
_OWN = ("name", "description", "paper", "catalogue", "faithful", "substituted", "arms")


class PolicySettings(Value):
    """The weights that a run begins with."""

    path: str = Field(
        default=EMBEDDED,
        description='"embedded", a directory of transformers, or a hub id',
    )


AnyTask = Annotated[
    ChainSettings
    | CountdownSettings
    | DatasetSettings
    | GraphSettings
    | ModuleSettings
    | ProgramSettings
    | WordSettings,
    Field(discriminator="kind"),
]
AnyEpisode = Annotated[
    Propose | Solve | Revise | Act | Duel | Rehearse | Search | Teach, Field(discriminator="kind")
]


_POSES_ITSELF = ("propose", "rehearse")  # the episodes that draw no problem of a difficulty


def _suites(said: dict[str, Any]) -> tuple[Suite, ...]:
    """Return the suites of a recipe that names none: those of its family."""
    (first, count), *harder = said["task"].ladder
    return (
        Suite(name=TARGETS, difficulty=first, problems=count),
        *(Suite(name=f"beyond-{d}", difficulty=d, problems=count) for d, count in harder),
    )


class Recipe(Value):
    """All that decides what a run does. Its fields are the tables of the file."""

    name: str = Field(default="", description="what the recipe is called; the file's name if empty")
    description: str = Field(default="", description="one sentence on what happens")
    paper: str = Field(default="", description="the publication that it follows")
    catalogue: str = Field(default="", description="its number in the catalogue of systems")
    faithful: str = Field(default="", description="what is as published")
    substituted: str = Field(default="", description="what differs from the publication, and why")
    arms: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="ablations by name: the words after --set that make each of this recipe",
    )
    seed: int = Field(
        default=0, ge=0, description="the dice of the whole run: one seed, one course of events"
    )
    run: Rounds = Field(default=Rounds(), description="how long it is")
    policy: PolicySettings = Field(default=PolicySettings(), description="the first weights")
    prompts: PromptSettings = Field(default=PromptSettings(), description="how roles are asked")
    task: AnyTask = Field(default=ChainSettings(), description="the family of problems")
    episode: AnyEpisode = Field(default=Propose(), description="the exchange that is played")
    curriculum: AnyCurriculum = Field(default=Extend(), description="what episodes start from")
    health: Levels = Field(default=Levels(), description="what is measured, and when to warn")
    sampler: SamplerSettings = Field(default=SamplerSettings(), description="how it is sampled")
    engines: dict[Role, AnyEngine] = Field(
        default_factory=dict,
        description="who answers for a role in the policy's place; what it says trains nothing",
    )
    log: LogSettings = Field(default=LogSettings(), description="how events are kept")
    trainer: TrainerSettings = Field(default=TrainerSettings(), description="how it is optimised")
    teacher: TeacherSettings = Field(
        default=TeacherSettings(), description="the weights behind divergence objectives"
    )
    promotion: PromotionSettings | None = Field(
        default=None, description="when a copy that learnt from problems becomes the solver's"
    )
    suite: tuple[Suite, ...] = Field(
        default_factory=_suites, description="held-out problems that show progress and never train"
    )
    objective: tuple[AnyObjective, ...] = Field(
        default=(), description="what is learnt from the log; without any, nothing is"
    )

    def environment(self) -> Environment:
        """Return the family of problems; what the suites hold out never reaches the society.

        Raises:
            RecipeError: something that the family needs is missing.
        """
        try:
            return self.task.environment(self.held_out)
        except TaskError as error:
            raise RecipeError(f"recipe {self.name}: task: {error}") from error

    @property
    def held_out(self) -> dict[int, int]:
        """How many problems of each difficulty nobody may train on."""
        return {
            suite.difficulty: max(
                s.problems for s in self.suite if s.difficulty == suite.difficulty
            )
            for suite in self.suite
        }

    def syllabus(self) -> Syllabus:
        """Return the state of the curriculum at the start of a run.

        Raises:
            RecipeError: the family of problems is not to be had, or cannot do what is asked.
        """
        try:
            return self.curriculum.begin(self.environment(), self.seed)
        except TaskError as error:
            raise RecipeError(f"recipe {self.name}: {error}") from error

    def plan(self) -> Plan:
        """Return what a society plays."""
        return Plan(
            episode=self.episode,
            environment=self.environment(),
            rounds=self.run,
            suites=self.suite,
            seed=self.seed,
            learns=self.learns,
            ahead=self.trainer.ahead,
            rests=self.learns and self.sampler.sleep,
            in_flight=self.early is not None,
        )

    def training(self) -> Training:
        """Return what a trainer does."""
        return Training.model_validate(
            {name: getattr(self, name) for name in Training.model_fields}
        )

    def watch(self) -> Watch | None:
        """Return what measures the rounds, if anything does."""
        return Watch(self.health) if self.health.measured else None

    @property
    def early(self) -> int | None:
        """How many rounds too early versions may come, where they come in flight."""
        return self.trainer.early if self.learns else None

    @property
    def misgiving(self) -> str:
        """What to warn of before it is played; "" where nothing is wrong."""
        return misgiving(getattr(self.episode, "invalid_reward", 0.0))

    @property
    def apart(self) -> str:
        """Who has weights of their own, in words; "" where all share one set."""
        separate = self.trainer.separate
        return f"own weights: {', '.join(separate)}" if separate else ""

    @property
    def learns(self) -> bool:
        """Whether the recipe has a trainer."""
        return bool(self.objective)

    @model_validator(mode="after")
    def _draws_what_passes(self) -> Self:
        hardest = getattr(self.curriculum, "max_difficulty", 0)
        if self.episode.kind not in _POSES_ITSELF and hardest > self.task.max_difficulty:
            raise ValueError(
                f"curriculum.max_difficulty is {hardest}; it must not be over "
                f"{self.task.max_difficulty}, the hardest that task draws"
            )
        return self

    @model_validator(mode="after")
    def _promotes_what_can_be_learnt_again(self) -> Self:
        if self.promotion is None:
            return self
        if not isinstance(self.episode, Teach) or self.episode.worked_by != "solver":
            raise ValueError(
                "promotion is there, and no copy of the solver learns from what the log has; it "
                'needs episode.kind "teach" with worked_by "solver"'
            )
        if not self.learns:
            raise ValueError("promotion is there, and no [[objective]]: nothing has a trainer")
        return self

    @model_validator(mode="after")
    def _serves_what_the_engine_holds(self) -> Self:
        self.sampler.suit(self.trainer)
        return self

    @model_validator(mode="after")
    def _trains_nobody_elses_words(self) -> Self:
        for role in self.engines:
            for at, objective in enumerate(self.objective):
                lessons = (
                    role == "teacher" and objective.taught and getattr(self.episode, "speak", False)
                )
                if role in objective.roles or lessons:
                    raise ValueError(
                        f"objective.{at} ({objective.kind}) trains on what the {role} says, and "
                        f"engines.{role} speaks in the policy's place: its tokens are not the "
                        "policy's. Remove one of them"
                    )
        return self

    @model_validator(mode="after")
    def _names_suites_once(self) -> Self:
        names = [suite.name for suite in self.suite]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"suite: {', '.join(twice)} is there twice; each needs its own name")
        return self


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return a recipe of the package by name, or of a file by its path, with overrides done.

    A file with `extends` says only what differs from the recipe that it names.

    Raises:
        RecipeError: there is none, or it says what no recipe may say.
    """
    tables = _extended(name_or_path, ())
    tables.setdefault("name", Path(name_or_path).stem)
    return _validated(f"recipe {name_or_path}", override(tables, overrides, Recipe))


def parse(title: str, text: str, overrides: Sequence[str] = (), name: str = "") -> Recipe:
    """Return the recipe that TOML text holds; messages call it `title`.

    Raises:
        RecipeError: it says what no recipe may say.
    """
    tables = _tables(title, text)
    tables.setdefault("name", name)
    return _validated(title, override(tables, overrides, Recipe))


def recorded(title: str, text: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe that a run wrote down; one from before there was health measures none.

    Raises:
        RecipeError: it says what no recipe may say.
    """
    tables = _tables(title, text)
    tables.setdefault("health", {"measured": False})
    return _validated(title, override(tables, overrides, Recipe))


def of_run(file: Path) -> Recipe:
    """Return the recipe of a run from the file in its directory.

    Raises:
        RecipeError: the file is gone, or says what no recipe may say.
    """
    return recorded(*_read(str(file)))


def dump(recipe: Recipe) -> str:
    """Return the recipe as TOML with every key said; equal recipes give equal text."""
    return toml.write(recipe)


def explain(recipe: Recipe) -> str:
    """Return the recipe as TOML with the meaning of every key beside it."""
    return toml.write(recipe, comments=True)


def names() -> list[str]:
    """Return the names of the recipes in the package."""
    files = (Path(each.name) for each in resources.files("simctl.recipes").iterdir())
    return sorted(file.stem for file in files if file.suffix == SUFFIX)


def _read(name_or_path: str) -> tuple[str, str]:
    """Return what a recipe is called in messages, and its text."""
    if not name_or_path.endswith(SUFFIX):
        known = names()
        if name_or_path not in known:
            listed = ", ".join(nearest(name_or_path, known))
            raise RecipeError(
                f"there is no recipe {name_or_path!r}; there are: {listed} "
                f"(a file of your own is given by its path, ending in {SUFFIX})"
            )
        file = resources.files("simctl.recipes") / f"{name_or_path}{SUFFIX}"
        return f"recipe {name_or_path}", file.read_text("utf-8")
    try:
        return f"recipe {name_or_path}", Path(name_or_path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"recipe {name_or_path} cannot be read: {reason}") from error


def _extended(name_or_path: str, waiting: tuple[str, ...]) -> dict[str, Any]:
    """Return the tables of a recipe on top of those that it extends; `waiting` extend this one."""
    title, text = _read(name_or_path)
    tables = _tables(title, text)
    base = tables.pop(EXTENDS, None)
    if base is None:
        return tables
    if not isinstance(base, str):
        raise RecipeError(f"{title}: {EXTENDS} is {base!r}; it must name a recipe, or its file")
    if base.endswith(SUFFIX):
        base = str(Path(name_or_path).parent / base)
    if base in (*waiting, name_or_path):
        raise RecipeError(f"{title} extends {base}, which extends this one: break the circle")
    below = _extended(base, (*waiting, name_or_path))
    return onto({key: below[key] for key in below.keys() - _OWN}, tables, Recipe)


def _tables(title: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{title} is no TOML: {error}") from error


def _validated(title: str, tables: dict[str, Any]) -> Recipe:
    try:
        # as JSON, strictly: a list is a tuple, 1 is a float, and "1" or true is no number
        return Recipe.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        found = [f"{title}: {each}" for each in mistakes(error, Recipe)]
        raise RecipeError("\n".join(found)) from error
