"""The watch: what is kept of earlier rounds to measure the next one. A fold of the log."""

from collections.abc import Iterable, Mapping
from copy import deepcopy

from simctl.agents.health import tasks
from simctl.agents.health.alarms import Alarms
from simctl.agents.health.archive import Archive
from simctl.agents.health.course import Course
from simctl.agents.health.levels import Levels
from simctl.agents.health.measure import measure
from simctl.agents.health.rules import readings
from simctl.bus.event import Event
from simctl.bus.messages import AlarmRaised, HealthMeasured


class Watch:
    """Measures rounds one after another, and raises alarms."""

    def __init__(self, levels: Levels) -> None:
        """Begin before the first round."""
        self._levels = levels
        self._archive = Archive(levels.near, levels.archive)
        self._course = Course(f"eval/{levels.targets}/greedy", levels.beginning)
        self._alarms = Alarms()

    def examine(self, events: Iterable[Event]) -> tuple[HealthMeasured, list[AlarmRaised]]:
        """Return what there is to say of a round that ends; nothing moves."""
        kept = list(events)
        metrics = measure(kept, self._archive, self._levels.near)
        course, alarms = deepcopy(self._course), deepcopy(self._alarms)
        return HealthMeasured(metrics=metrics), self._judge(kept, metrics, course, alarms)

    def observe(self, events: Iterable[Event]) -> tuple[HealthMeasured, list[AlarmRaised]]:
        """Take in the events of a finished round, and return what there was to say of it."""
        kept = list(events)
        said = next((each.message for each in kept if each.kind == "health_measured"), None)
        if isinstance(said, HealthMeasured):
            measured = said
        else:
            measured = HealthMeasured(metrics=measure(kept, self._archive, self._levels.near))
        tasks.keep(tasks.made(kept), self._archive)
        return measured, self._judge(kept, measured.metrics, self._course, self._alarms)

    def _judge(
        self,
        events: Iterable[Event],
        metrics: Mapping[str, float],
        course: Course,
        alarms: Alarms,
    ) -> list[AlarmRaised]:
        round_ = max((event.round for event in events), default=0)
        course.add(metrics)
        return list(alarms.hear(readings(metrics, course, self._levels), round_))
