"""The world: a generated graph of facts, in which each relation leads from each entity to one.

A fact `4k=7` says that the k of 4 is 7. Entities are numbers from 0, relations are letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from simctl.bus.dice import dice

RELATIONS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Fact:
    """The relation of an entity is another."""

    entity: int
    relation: str
    other: int

    def __str__(self) -> str:
        """The fact as a problem shows it."""
        return f"{self.entity}{self.relation}={self.other}"


@dataclass(frozen=True, slots=True)
class World:
    """All facts, by entity and relation."""

    entities: int
    relations: str
    facts: Mapping[tuple[int, str], Fact]

    def walk(self, start: int, relations: Sequence[str]) -> list[Fact] | None:
        """Return the facts that lead on from an entity; None where a step is not in the world."""
        walked, at = list[Fact](), start
        for relation in relations:
            fact = self.facts.get((at, relation))
            if fact is None:
                return None
            walked.append(fact)
            at = fact.other
        return walked


@lru_cache
def world(seed: int, entities: int, relations: int) -> World:
    """Make the world of a seed: no relation leads from an entity to itself."""
    rng, letters = dice(seed, "world", entities, relations), RELATIONS[:relations]
    facts = dict[tuple[int, str], Fact]()
    for entity in range(entities):
        for relation in letters:
            other = rng.randrange(entities - 1)
            facts[entity, relation] = Fact(entity, relation, other + (other >= entity))
    return World(entities, letters, facts)
