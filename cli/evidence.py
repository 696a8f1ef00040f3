"""Evidence: facts about a run, asked of its log and put into words."""

from dataclasses import dataclass
from typing import Any

from simctl.cli.cut import Log
from simctl.cli.facts import FACTS


@dataclass(frozen=True)
class Sentence:
    """What was found, and the SQL that finds it."""

    text: str
    sql: str


@dataclass(frozen=True)
class Witness:
    """Answers questions about a run after round `now`; it began with the rounds up to `began`."""

    log: Log
    now: int
    began: int
    near: float
    targets: str

    def say(self, name: str, role: str = "solver") -> Sentence | None:
        """Return the sentence of a fact; None where the log has nothing to say of it.

        A question about tasks that counts none says nothing.
        """
        fact = FACTS[name]
        known: dict[str, Any] = {
            "now": self.now,
            "began": self.began,
            "near": self.near,
            "targets": self.targets,
            "role": role,
        }
        sql = fact.sql.format(**known)
        rows = self.log.query(sql).to_pylist()
        if not rows or None in rows[0].values() or rows[0].get("tasks") == 0:
            return None
        return Sentence(fact.words.format(**known, **rows[0]), sql)
