"""The diagnosis: what is wrong with a run in words, each sentence with the SQL that shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simctl.cli.causes import Explanation, explain
from simctl.cli.checkup import Checkup, Trouble
from simctl.cli.evidence import Sentence, Witness

_DONE = " The held-out targets are solved, so easy tasks and sure answers count as what was wanted."
_ALWAYS = ("targets", "rate", "informative", "valid", "repeats", "difficulty", "degenerate")


@dataclass(frozen=True)
class Finding:
    """An alarm that is on, what it means, and what shows it."""

    trouble: Trouble
    explanation: Explanation
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The findings, the oldest first, and what else there is to say of the run."""

    rounds: int
    findings: tuple[Finding, ...]
    past: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    mastered: bool

    @property
    def healthy(self) -> bool:
        """Whether no alarm is on."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """The diagnosis in a line."""
        if self.healthy:
            done = _DONE if self.mastered else ""
            return f"Healthy after {self.rounds} rounds: no number is beyond its bound.{done}"
        named = (f"since round {f.trouble.since} {f.explanation.headline}" for f in self.findings)
        return f"Not healthy: {'; '.join(named)}."


def diagnose(found: Checkup, witness: Witness, episode: Mapping[str, Any]) -> Diagnosis:
    """Explain the alarms of a checkup, and call the witness; `episode` is from the recipe."""
    findings = tuple(_finding(each, found, witness, episode) for each in found.present)
    said = {sentence.sql for each in findings for sentence in each.sentences}
    rest = (each for each in _sentences(witness, _ALWAYS) if each.sql not in said)
    return Diagnosis(
        rounds=len(found.rounds),
        findings=findings,
        past=tuple(_past(found, episode)),
        sentences=tuple(rest),
        mastered=found.mastered,
    )


def _past(found: Checkup, episode: Mapping[str, Any]) -> Iterator[str]:
    """Give a sentence for every alarm that is over, however often it came."""
    gone = [each for each in found.troubles if each.over is not None]
    for name in dict.fromkeys(each.name for each in gone):
        times = [each for each in gone if each.name == name]
        *spans, last = (f"{each.since} to {each.over}" for each in times)
        spans = [", ".join(spans), last] if spans else [last]
        known = explain(times[-1], episode, too_easy=found.too_easy)
        yield f"In rounds {' and '.join(spans)} there was an alarm that is over: {known.headline}"


def _finding(
    trouble: Trouble, found: Checkup, witness: Witness, episode: Mapping[str, Any]
) -> Finding:
    known = explain(trouble, episode, too_easy=found.too_easy)
    return Finding(trouble, known, tuple(_sentences(witness, known.facts, known.role)))


def _sentences(
    witness: Witness, facts: tuple[str, ...], role: str = "solver"
) -> Iterator[Sentence]:
    found = (witness.say(fact, role) for fact in facts)
    return (each for each in found if each is not None)
