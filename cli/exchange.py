"""An exchange: what the society said about one task, on show long enough to be read."""

from collections.abc import Sequence
from dataclasses import dataclass

from simctl.bus.answers import TaskPosed
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded
from simctl.cli.words import SAYINGS

_ATTEMPTS = ("attempt_made", "attempt_revised", "action_taken")
_KEPT = {*SAYINGS, "answer_graded"}
_STAYS = 5.0  # seconds that an exchange is on show before another takes its place


@dataclass(frozen=True)
class Saying:
    """What a role said, and its grade if it has one."""

    event: Event
    grade: AnswerGraded | None = None


@dataclass(frozen=True)
class Exchange:
    """A problem, one of the attempts at it, and what others said of that attempt."""

    episode: str = ""
    round: int = 0
    sayings: tuple[Saying, ...] = ()
    attempts: int = 0  # at the problem, all told


def retell(events: Sequence[Event]) -> Exchange:
    """Return the exchange of an episode: of its attempts the one that most was said of.

    Of what a role said of it, the last of each kind is kept. Events without a word are left out.
    """
    grades = {each.of: each for e in events if isinstance(each := e.message, AnswerGraded)}
    spoken = [event for event in events if event.kind in SAYINGS]
    attempts = [event for event in spoken if event.kind in _ATTEMPTS]
    mentions = [_of(event) for event in spoken]
    chosen = max(attempts, key=lambda each: mentions.count(each.seq), default=None)
    task = _task(chosen or spoken[0]) if spoken else None
    kept: dict[tuple[str, str], Event] = {}
    for event in spoken:
        of = _of(event)
        if event is chosen or (
            _task(event) == task
            and (event.kind not in _ATTEMPTS or of is not None)
            and (of is None or (chosen is not None and of == chosen.seq))
        ):
            kept[event.sender, event.kind] = event
    if not kept:
        return Exchange()
    sayings = sorted(kept.values(), key=lambda each: each.seq)
    return Exchange(
        sayings[0].episode,
        sayings[0].round,
        tuple(Saying(each, grades.get(each.seq)) for each in sayings),
        sum(_task(each) == task for each in attempts),
    )


class Exchanges:
    """Hears all episodes, and has one exchange on show: of those that just ended the richest."""

    def __init__(self) -> None:
        """Begin with nothing on show."""
        self._open: dict[str, list[Event]] = {}
        self._next: list[Event] = []
        self._shown: list[Event] = []
        self._since = 0.0
        self._told: Exchange | None = None

    def hear(self, event: Event, seconds: float) -> None:
        """Take in an event, heard after so many seconds of the run."""
        if event.kind in _KEPT and event.episode:
            self._open.setdefault(event.episode, []).append(event)
        elif event.kind == "episode_ended":
            ended = self._open.pop(event.episode, [])
            if _speakers(ended) >= _speakers(self._next):
                self._next = ended
            if self._next and (not self._shown or seconds - self._since >= _STAYS):
                self._shown, self._next = self._next, []
                self._since, self._told = seconds, None
        elif event.kind == "round_started":
            self._open.clear()  # what a process that broke off left behind

    @property
    def exchange(self) -> Exchange:
        """The exchange on show; at first an empty one."""
        if self._told is None:
            self._told = retell(self._shown)
        return self._told


def _speakers(events: Sequence[Event]) -> int:
    return len({event.sender for event in events})


def _of(event: Event) -> int | None:
    of: int | None = getattr(event.message, "of", None)
    return of


def _task(event: Event) -> int | None:
    """Return the task that something was said about."""
    if isinstance(event.message, TaskPosed):
        return event.seq
    task: int | None = getattr(event.message, "task", None)
    return task
