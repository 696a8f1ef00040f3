"""A history: what a run measured up to a policy version, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

from simctl.bus.messages import PolicyEvaluated, PolicyUpdated
from simctl.cli.cut import Log
from simctl.cli.export.source import Source, source_of
from simctl.cli.report.readings import Reading, Readings
from simctl.cli.report.spending import Spent
from simctl.store.origins import started

_TELLING = frozenset({"policy_evaluated", "policy_updated"})


@dataclass(frozen=True)
class Score:
    """The scores of a version on a held-out suite of so many problems."""

    version: int
    suite: str
    problems: int
    scores: dict[str, float]


@dataclass(frozen=True)
class History:
    """The readings and scores of a run, and what its beginning says of weights and machine."""

    source: Source  # all events that it is made of
    readings: Sequence[Reading]
    scores: Sequence[Score]
    sha256: dict[int, str]  # of each version, as the log announced it
    made: dict[int, Spent]  # what it took to make each version
    machine: dict[str, str]

    def until(self, version: int) -> list[Reading]:
        """Return what belongs to the steps up to a version."""
        return [each for each in self.readings if each.step <= version]

    def of(self, version: int) -> list[Score]:
        """Return the scores of a version, on each suite."""
        return [each for each in self.scores if each.version == version]


def history(log: Log) -> History:
    """Return the history of a run."""
    readings = Readings(lambda _: "")
    found: list[Reading] = []
    scores: list[Score] = []
    begun = started(log)
    hashes, made = {0: begun.policy_sha256 if begun else ""}, {0: Spent()}
    source = source_of(log)
    for event in log.read(until=source.until):
        found += readings.hear(event)
        match event.message if event.kind in _TELLING else None:
            case PolicyEvaluated(version=version, suite=suite, problems=n, scores=by_name):
                scores.append(Score(version, suite, n, by_name))
            case PolicyUpdated(version=version, sha256=sha256):
                hashes[version], made[version] = sha256, readings.spent
            case _:
                pass
    return History(source, found, scores, hashes, made, begun.machine if begun else {})
