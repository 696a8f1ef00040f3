"""A checkup: what a log knows of the health of its run, up to a round."""

from collections import defaultdict
from dataclasses import dataclass, field

from simctl.agents.health.history import Examined, history
from simctl.agents.health.levels import Levels
from simctl.agents.health.watch import Watch
from simctl.bus.messages import AlarmRaised
from simctl.cli.cut import Log

_METRICS = "SELECT round, metric, value FROM health ORDER BY round"
_ALARMS = """
SELECT name, round, value, bound, since, text, over FROM alarm_raised ORDER BY seq
"""


@dataclass
class Trouble:
    """An alarm from its first round on; `over` is the round that ended it."""

    name: str
    since: int
    raised: int
    value: float
    bound: float
    text: str
    over: int | None = None


@dataclass
class Checkup:
    """The course of every number by round, and the alarms in the order of their beginning."""

    levels: Levels
    courses: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def rounds(self) -> list[int]:
        """The rounds that were measured."""
        return sorted({round_ for course in self.courses.values() for round_ in course})

    @property
    def present(self) -> list[Trouble]:
        """The alarms that are not over, the oldest first."""
        return sorted((t for t in self.troubles if t.over is None), key=lambda t: t.since)

    @property
    def mastered(self) -> bool:
        """Whether the held-out targets are solved."""
        course = self.course(f"eval/{self.levels.targets}/greedy")
        return bool(course) and course[-1] >= self.levels.mastered

    @property
    def too_easy(self) -> bool:
        """Whether more of the last tasks are always solved than never."""
        return self.course("solve_rate/100")[-1:] > self.course("solve_rate/0")[-1:]

    def course(self, name: str) -> list[float]:
        """Return the values of a number, round by round."""
        return list(self.courses.get(name, {}).values())

    def hear(self, examined: Examined) -> None:
        """Take in a round."""
        for name, value in examined.metrics.items():
            self.courses[name][examined.round] = value
        for alarm in examined.alarms:
            self._ring(alarm, examined.round)

    def _ring(self, alarm: AlarmRaised, round_: int) -> None:
        if not alarm.over:
            told = alarm.model_dump(exclude={"kind", "over"})
            self.troubles.append(Trouble(**told, raised=round_))
            return
        for trouble in self.troubles:
            if trouble.name == alarm.name and trouble.over is None:
                trouble.over = round_


def checkup(log: Log, levels: Levels, until: int | None = None) -> Checkup:
    """Return the health of a run after round `until`, or as far as it came.

    A log whose run was not measured is folded now.
    """
    found = Checkup(levels)
    told = _told(log) or history(log.read(), Watch(levels))
    for examined in told:
        if examined.round and (until is None or examined.round <= until):
            found.hear(examined)
    return found


def _told(log: Log) -> list[Examined]:
    rounds: dict[int, Examined] = {}
    for row in log.query(_METRICS).to_pylist():
        examined = rounds.setdefault(row["round"], Examined(row["round"], {}, []))
        examined.metrics[row["metric"]] = row["value"]
    for row in log.query(_ALARMS).to_pylist():
        if row["round"] in rounds:
            rounds[row.pop("round")].alarms.append(AlarmRaised(**row))
    return list(rounds.values())
