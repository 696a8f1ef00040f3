"""Recorded parts: what stands in for a model when a log is played again."""

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simctl.agents.agent import Agent, Answer, noise
from simctl.agents.evaluation import Suite
from simctl.agents.policy.cassette import Cassette
from simctl.agents.policy.sampler import Completion
from simctl.bus.asks import Ask, SitExam
from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    PolicyEvaluated,
    PolicySynced,
    PolicyUpdated,
)
from simctl.store.policies import PolicyStore
from simctl.store.tape import Tape, again
from simctl.trainer.checkpoint import Gather
from simctl.trainer.herald import ROUND_ENDED
from simctl.trainer.settings import Training
from simctl.trainer.trainer import TRAINER, Trainer
from simctl.trainer.trajectory import Heard


@dataclass(frozen=True)
class RecordedAgent:
    """An agent that works as ever, with the model's answers from the log.

    Where the log has that it failed, it fails again: what it failed over is not in the log. Where
    the log breaks off amid its answers, those that are there are said again as they are.
    """

    agent: Agent
    tape: Tape
    cassette: Cassette
    seed: int

    async def handle(self, asked: Event) -> list[Answer]:
        """Answer the ask that `asked` holds."""
        ask = asked.message
        count = ask.answers if isinstance(ask, Ask) else 1
        recorded = self.tape.answers(asked, count)
        failed = [event for event in recorded if event.kind == "role_failed"]
        # another engine's answer is in the log as it was read; its tokens are not
        foreign = any(getattr(event.message, "engine", "") for event in recorded)
        # what a copy learnt is a measurement: it is in the log, and no weights are here
        if failed or foreign or (recorded and isinstance(ask, SitExam)):
            return [self._as_recorded(event) for event in failed or recorded]
        if self.tape.over and len(recorded) < count:
            if not recorded:
                await asyncio.Event().wait()  # for ever: the run broke off before it was answered
            return [self._as_recorded(event) for event in recorded]
        said = {
            noise(self.seed, asked, index): event.utterance
            for index, event in enumerate(recorded)
            if event.utterance is not None
        }
        with self.cassette.loaded(said):
            return await self.agent.handle(asked)

    def _as_recorded(self, event: Event) -> Answer:
        self.tape.give(event)
        said, message = event.utterance, again(event).message
        if said is None:
            return Answer(message)
        completion = Completion(
            prompt_tokens=said.prompt_tokens,
            tokens=said.tokens,
            logprobs=said.logprobs,
            text="",
            truncated=False,
            policy_version=event.policy_version or 0,
        )
        return Answer(message, completion)


class RecordedPolicy:
    """A policy without weights: its measurements are those in the log."""

    def __init__(self, tape: Tape, cassette: Cassette) -> None:
        """Serve the version of `cassette`, and set it when there is a new one."""
        self._tape = tape
        self._cassette = cassette

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._cassette.version

    async def measure(self, suite: Suite) -> PolicyEvaluated:
        """Return the scores that the log has of this version on a suite."""
        found = self._tape.take("policy_evaluated")
        recorded = found.message if found else None
        scores, tokens = dict[str, float](), 0
        if isinstance(recorded, PolicyEvaluated):
            scores, tokens = recorded.scores, recorded.tokens
        return PolicyEvaluated(
            version=self.version,
            suite=suite.name,
            scores=scores,
            problems=suite.problems,
            tokens=tokens,
        )

    async def rest(self) -> None:
        """Do nothing: there is nothing to let go of."""

    async def take(self, update: PolicyUpdated) -> PolicySynced:
        """Serve the new version where the log says that it was served."""
        synced = await self.prove(update)
        self.settle(synced)
        return synced

    def settle(self, synced: PolicySynced) -> None:
        """Serve a version where the log says that it was proved."""
        if synced.ok:
            self._cassette.version = synced.version

    async def prove(self, update: PolicyUpdated) -> PolicySynced:
        """Return what the log says of a version."""
        found = self._tape.take("policy_synced")
        recorded = found.message if found else None
        if not isinstance(recorded, PolicySynced):
            return PolicySynced(version=update.version, sampler="", ok=False)
        return recorded.model_copy(update={"version": update.version})


class RecordedTrainer:
    """A trainer that says what it said."""

    def __init__(self, tape: Tape, version: int, held: int) -> None:
        """Go on after `version`; what is said of one is `held` back for so many rounds."""
        self._tape = tape
        self._version = version
        self._held = held

    def begin(self, round_: int, /) -> list[Draft]:
        """Return what is due in the place that a run is played again from, after a round."""
        return self._say(round_ - self._held, round_)

    def answer(self, heard: Sequence[Event]) -> list[Draft]:
        """Return what the log has of the trainer on what is due after these events."""
        last = heard[-1]
        due = last.round - (self._held if last.kind == ROUND_ENDED else 0)
        return self._say(due, last.round)

    def _say(self, due: int, round_: int) -> list[Draft]:
        versions = range(self._version + 1, due + 1)
        self._version = max(self._version, due)
        told = (self._tape.take_all(TRAINER, "policy_updated", v, round_) for v in versions)
        return [again(event) for events in told for event in events]


class RebuildingTrainer:
    """The trainer as ever, with its versions in a store of their own."""

    def __init__(
        self,
        training: Training,
        policies: PolicyStore,
        gather: Gather,
        before: Iterable[Heard] = (),
    ) -> None:
        """Go on from the last version in `policies`, which is then filled and emptied.

        `before` are the events after that version, up to where a run is played again from.
        """
        self._policies = policies
        self._before = before
        self._said: list[Draft] = []
        self._trainer = Trainer(training, policies, self._say, gather=gather)

    def begin(self, _: int, /) -> list[Draft]:
        """Learn from what was before, and return what is due."""
        return self.answer(self._before)

    def answer(self, heard: Iterable[Heard]) -> list[Draft]:
        """Learn from a round, and return what there is to say."""
        self._said.clear()
        for update in self._trainer.hear(heard):
            if update.parent > 0:  # what was compared is not needed any more
                shutil.rmtree(self._policies.path(update.parent))
        return list(self._said)

    def _say(self, drafts: Sequence[Draft]) -> Sequence[Event]:
        self._said.extend(drafts)
        return ()
