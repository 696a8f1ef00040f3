"""The trainer: a round of events becomes an update. All of it can be repeated after a crash.

Whatever it says and writes follows from the log and the version before. So after a crash at any
point the round is simply worked through again: what the log has already is recognised by its
number, and a version that was committed is announced again. Where rounds are played ahead, it
learns as soon as a round has ended, and the herald says so when it is due; in flight, at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from simctl.bus.event import Draft
from simctl.bus.messages import AnyMessage, PolicyUpdated
from simctl.store.policies import PolicyState, PolicyStore
from simctl.trainer import checkpoint
from simctl.trainer.batch import build
from simctl.trainer.herald import PLAY_ENDED, ROUND_ENDED, Herald, Publish
from simctl.trainer.learners import Learners
from simctl.trainer.metrics import describe
from simctl.trainer.promotion import EXAMS, Promotion, decide, studied
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, Heard, groups, trajectories

TRAINER = "trainer"
HEARD = LEARNT | EXAMS | {ROUND_ENDED, PLAY_ENDED}  # kinds that the trainer listens to


class RoundMissingError(Exception):
    """A round ended that does not follow the version that the trainer has."""


class Trainer:
    """Hears the log in order, and answers every round with the next version."""

    def __init__(
        self,
        training: Training,
        policies: PolicyStore,
        publish: Publish,
        version: int | None = None,
        gather: checkpoint.Gather = Learners,
    ) -> None:
        """Go on from a committed version, or the last; `publish` appends to the log.

        `gather` makes the learners, of one process or several.
        """
        self._training = training
        self._policies = policies
        self._state = policies.state(policies.latest() if version is None else version)
        self._learners = checkpoint.resume(policies, self._state.version, training, gather)
        self.herald = Herald(publish, training.trainer.held, self._state.version)
        self._heard: list[Heard] = []

    @property
    def position(self) -> int:
        """The seq of the last event that needs not be heard again."""
        return self._state.event_offset

    def announce(self) -> None:
        """Say once more that the last version is there: it may have been committed in silence."""
        if self._state.version > 0:
            update = checkpoint.announcement(self._policies, self._state.version)
            self._say([update], self._state.pseq - 1, self._state.event_offset, update.version)

    def hear(self, events: Iterable[Heard]) -> Iterator[PolicyUpdated]:
        """Give an update for every round that ends."""
        for event in events:
            if event.seq <= self.position:
                continue
            self.herald.hear(event)
            if event.kind == ROUND_ENDED:
                yield self._update(event)
                self._heard.clear()
            elif event.kind in HEARD:
                self._heard.append(event)

    def _update(self, ended: Heard) -> PolicyUpdated:
        """Learn from the round that `ended`, commit the new version and announce it."""
        parent, version = self._state.version, ended.round
        if version != parent + 1:
            raise RoundMissingError(
                f"round {version} ended at seq {ended.seq}, but the weights are those of round "
                f"{parent}: they can only learn from round {parent + 1}"
            )
        heard = [event for event in self._heard if event.round == version]
        told = trajectories(heard)
        grouped = groups(told)
        batch = build(grouped, self._training.objective, self._training.trainer.oldest(parent))
        gains, promotion = self._promoted(heard)
        said: list[AnyMessage] = [*batch.dropped, batch.announce(version)]
        if promotion is not None:
            said.append(promotion.announce(version))
        self._say(said, self._state.pseq, ended.seq, version)
        if promotion is not None:  # of weights as they were when the copy was taken
            self._learners.promote(promotion, told)
        metrics = describe(grouped, parent) | self._learners.learn(batch.samples, version)
        if batch.stale:
            metrics["staleness/dropped"] = float(batch.stale)
        if gains or promotion:
            metrics["promotion/average"] = promotion.average if promotion else fmean(gains)
        update = PolicyUpdated(
            version=version,
            parent=parent,
            sha256="",
            metrics=metrics,
            probes=self._learners.probes(told),
            copies=self._learners.probes_of_copies(told),
        )
        state = PolicyState(
            version=version,
            parent=parent,
            event_offset=ended.seq,
            pseq=self._state.pseq + len(said) + 1,
            gains=gains,
        )
        self._state = checkpoint.save(self._policies, self._learners, update, state)
        self.announce()
        return update.model_copy(update={"sha256": self._state.sha256})

    def _promoted(self, heard: Sequence[Heard]) -> tuple[tuple[float, ...], Promotion | None]:
        settings, gains = self._training.promotion, self._state.gains
        return (gains, None) if settings is None else decide(settings, gains, studied(heard))

    def _say(self, messages: Sequence[AnyMessage], pseq: int, cause: int, version: int) -> None:
        drafts = [
            Draft(
                producer=TRAINER,
                epoch=0,
                pseq=pseq + at,
                message=message,
                sender=TRAINER,
                round=version,
                cause=cause,
                policy_version=version,
            )
            for at, message in enumerate(messages)
        ]
        self.herald.tell(version, drafts)
