"""Graph: questions of several hops over a generated world of facts, see world.py.

Problem `4k=7.1k=3.7m=2.4km` shows facts and asks for the m of the k of 4; its solution writes what
each hop reaches, `k=7m=2`. Closed book, the problem is `4km` alone, and the facts must be known or
asked for: each relation is an action, and what it reaches the observation. Difficulty is the number
of hops; the construction path is the entities on the way, `4.7.2`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from random import Random
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from simctl.agents.tasks.environment import Checked, Grade, Observation, TaskError
from simctl.agents.tasks.family import Family
from simctl.agents.tasks.question import Problem, Told, is_answer, is_hop, parse, read, steps
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.verdicts import RIGHT, WRONG
from simctl.agents.tasks.world import RELATIONS, Fact, world

NOWHERE = "!"  # the observation of an action that leads nowhere
_PATIENCE = 1000  # walks before a question counts as impossible


class GraphTasks(Family[Problem]):
    """The family of questions over one world. Those with the same question are the same.

    Parts of a grade: `correct`, every hop is right; `progress`, the share of hops before the first
    wrong one; `answer`, the last entity is right, however it was come by; `coverage`, the share of
    the entities between start and answer that the attempt names. That is what the waypoint
    coverage reward needs (2605.05702; its formula is not public, so this is the safe form, without
    the answer among the waypoints). So that naming everything earns nothing, only as many entities
    are read as there are hops; and where none lies between start and answer, coverage is 0.
    """

    name = "graph"

    def __init__(self, held_out: Mapping[int, int], settings: "GraphSettings") -> None:
        """Ask about the world that the settings make."""
        self._settings = settings
        self._world = world(settings.world_seed, settings.entities, settings.relations)
        super().__init__(held_out, settings.max_hops)

    def parse(self, text: str) -> Problem | None:
        """Read a problem, or return None when the text is none."""
        return parse(text)

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> Problem:
        """Draw a walk that comes to no entity twice; an idle problem shows it and nothing else."""
        if not 1 <= difficulty <= self.max_difficulty:
            raise TaskError(f"graph has no questions of {difficulty} hops")
        for _ in range(_PATIENCE):
            start = rng.randrange(self._world.entities)
            relations = "".join(rng.choices(self._world.relations, k=difficulty))
            problem = Problem((), start, relations)
            if self._returns(problem):
                continue
            shown = self._shown(problem, rng, idle=idle) if self._settings.open_book else ()
            return Problem(tuple(shown), start, relations)
        raise TaskError(f"hardly any walk of {difficulty} hops comes to no entity twice")

    def _shown(self, problem: Problem, rng: Random, *, idle: bool) -> list[Fact]:
        """Return the facts of the walk, and for each hop others that could be taken for it."""
        walked = self._walk(problem)
        shown = dict.fromkeys(walked)
        count = 0 if idle else self._settings.distractors
        for fact in walked:
            for at in range(count):
                shown.setdefault(self._like(fact, rng, same_entity=at % 2 == 1))
        return rng.sample(list(shown), len(shown))

    def _like(self, fact: Fact, rng: Random, *, same_entity: bool) -> Fact:
        """Return another fact of the same entity, or of the same relation."""
        if same_entity:
            relation = rng.choice(self._world.relations.replace(fact.relation, "") or fact.relation)
            return self._world.facts[fact.entity, relation]
        entity = rng.randrange(self._world.entities - 1)
        return self._world.facts[entity + (entity >= fact.entity), fact.relation]

    def signature(self, problem: Problem) -> str:
        """Return the question: other facts beside it change nothing."""
        return problem.question

    @property
    def gates(self) -> Mapping[str, Callable[[Problem], bool]]:
        """The facts are true and lead to an answer, by a way that is not too long or a loop."""
        book = self._settings.open_book
        return {
            "facts": lambda problem: all(map(self._is_true, problem.facts)),
            "book": lambda problem: bool(problem.facts) == book,
            "answerable": lambda problem: (
                not book or set(self._walk(problem)) <= set(problem.facts)
            ),
            "length": lambda problem: len(problem.relations) <= self.max_difficulty,
            "no_return": lambda problem: not self._returns(problem),
        }

    def facts(self, problem: Problem) -> Checked:
        """Return the hops and the entities on the way.

        Degenerate is a hop whose relation only one fact has: it needs no entity to be read off.
        """
        walked = self._walk(problem)
        shown = [fact.relation for fact in problem.facts]
        idle = sum(shown.count(fact.relation) == 1 for fact in walked)
        return Checked(
            gates={},
            difficulty=len(walked),
            degenerate=idle / len(walked),
            reference="".join(_hop(fact) for fact in walked),
            path=".".join(str(each) for each in (problem.start, *(f.other for f in walked))),
        )

    def grade(self, problem: Problem, attempt: str) -> Grade:
        """Grade hops, with or without the answer stated after them."""
        walked, told = self._walk(problem), read(attempt)
        right, first_wrong = self._compare(walked, told)
        answer = self.answer_of(attempt) == str(walked[-1].other)
        waypoints = {str(fact.other) for fact in walked[:-1]}
        named = set(told.entities[: len(walked)])
        coverage = len(waypoints & named) / len(waypoints) if waypoints else 0.0
        parts = {
            "correct": float(first_wrong is None),
            "progress": right / len(walked),
            "answer": float(answer),
            "coverage": coverage,
        }
        return Grade(parts=parts, first_wrong=first_wrong)

    def critique_of(self, problem: Problem, attempt: str) -> str:
        """Write each hop, what the attempt reached by it and a verdict, up to the first wrong one.

        `k=7=7.m=2=3!` for an attempt that wrote `k=7m=3`. Nothing is quoted where the attempt has
        another relation or none, and a lone `!` stands where it should have ended.
        """
        walked, told = self._walk(problem), read(attempt)
        right, first_wrong = self._compare(walked, told)
        done = "".join(f"{_hop(fact)}={fact.other}{RIGHT}" for fact in walked[:right])
        if first_wrong is None:
            return done
        if right == len(walked):
            return done + WRONG
        wrong = told.hops[right] if right < len(told.hops) else ""
        relation = walked[right].relation
        quoted = wrong[1:] if is_hop(wrong) and wrong.startswith(relation) else ""
        return f"{done}{_hop(walked[right])}{quoted}{WRONG}"

    def flaw(self, problem: Problem, rng: Random) -> str:
        """Misread one hop, and go on from where it seems to lead."""
        walked = self._walk(problem)
        at = rng.randrange(len(walked))
        others = [each for each in range(self._world.entities) if each != walked[at].other]
        wrong = Fact(walked[at].entity, walked[at].relation, rng.choice(others))
        after = self._world.walk(wrong.other, problem.relations[at + 1 :]) or []
        return "".join(_hop(fact) for fact in (*walked[:at], wrong, *after))

    def steps(self, attempt: str) -> list[str]:
        """Cut an attempt into hops."""
        return steps(attempt)

    def answer_of(self, attempt: str) -> str:
        """Return the last entity, if all before it are hops."""
        told = read(attempt)
        hops = all(map(is_hop, told.hops))
        return told.entities[-1] if told.entities and hops else ""

    def skills(self, problem: str) -> tuple[str, ...]:
        """Return the relations of a question."""
        return tuple(dict.fromkeys(self.proper(problem).relations))

    def beginning(self, problem: str, rng: Random) -> str:
        """Return the question of the first hops, at least one fewer; "" where it has but one."""
        parsed = self.proper(problem)
        kept = rng.randrange(len(parsed.relations))
        return str(replace(parsed, relations=parsed.relations[:kept])) if kept else ""

    def act(self, problem: str, actions: Sequence[str]) -> Observation:
        """Follow relations from the start; an action that ends with an entity is the answer.

        What is observed is where a relation leads, `=7`, or `!` where an action leads nowhere: then
        the place stays the same.
        """
        at, seen = self.proper(problem).start, Observation(text="")
        for action in actions:
            if is_answer(action):
                return Observation(text="", done=True)
            fact = self._world.facts.get((at, action))
            at = at if fact is None else fact.other
            seen = Observation(text=NOWHERE if fact is None else f"={at}")
        return seen

    def _walk(self, problem: Problem) -> list[Fact]:
        walked = self._world.walk(problem.start, problem.relations)
        if walked is None:
            raise ValueError(f"{problem.question} leads out of the world")
        return walked

    def _returns(self, problem: Problem) -> bool:
        come_to = {problem.start, *(fact.other for fact in self._walk(problem))}
        return len(come_to) <= len(problem.relations)

    def _is_true(self, fact: Fact) -> bool:
        return self._world.facts.get((fact.entity, fact.relation)) == fact

    def _compare(self, walked: Sequence[Fact], told: Told) -> tuple[int, int | None]:
        """Return how many hops are right, and the first wrong, missing or surplus step."""
        pairs = zip(walked, told.hops, strict=False)
        right = len(list(takewhile(lambda pair: _hop(pair[0]) == pair[1], pairs)))
        whole = right == len(walked) == len(told.hops)
        if whole and told.stated in (None, str(walked[-1].other)):
            return right, None
        return right, right


def _hop(fact: Fact) -> str:
    return f"{fact.relation}={fact.other}"


class GraphSettings(TaskSettings):
    """Graph: questions of several hops over a generated world of facts."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((2, 200), (3, 100), (4, 100))

    kind: Literal["graph"] = "graph"
    max_hops: int = Field(default=6, ge=1, description="most hops of a question: its difficulty")
    entities: int = Field(default=10, ge=2, le=100_000, description="entities of the world")
    relations: int = Field(
        default=len(RELATIONS), ge=1, le=len(RELATIONS), description="relations of the world"
    )
    world_seed: int = Field(default=0, ge=0, description="which world it is")
    open_book: bool = Field(default=True, description="show facts in the problem")
    distractors: int = Field(
        default=2, ge=0, description="facts shown for each hop beside the one that answers it"
    )

    @property
    def max_difficulty(self) -> int:
        """The hops of the longest question."""
        return self.max_hops

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.max_hops >= self.entities:
            raise ValueError(
                f"max_hops is {self.max_hops}; it must be less than entities, "
                f"which is {self.entities}: no walk comes to an entity twice"
            )
        return self

    def family(self, held_out: Mapping[int, int]) -> GraphTasks:
        """Return the family of questions over the world."""
        return GraphTasks(held_out, self)
