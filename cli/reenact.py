"""Re-execution: agents, episodes, society and trainer once more, against the log of a run."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.curriculum import Syllabus
from simctl.agents.forms.form import Form
from simctl.agents.memory import Memory
from simctl.agents.policy.cassette import Cassette
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.agents.society import Here, Society
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import RunStarted
from simctl.bus.quiescence import Quiescence, Work
from simctl.cli.recipe import Recipe
from simctl.cli.recorded import RebuildingTrainer, RecordedAgent, RecordedPolicy
from simctl.store.tape import DivergenceError, Tape
from simctl.trainer.herald import PLAY_ENDED, ROUND_ENDED
from simctl.trainer.trainer import TRAINER

_LAST_RANK = 9  # when nothing else can go on
_ANSWERED = frozenset({ROUND_ENDED, PLAY_ENDED})


class Learner(Protocol):
    """What answers a round."""

    def begin(self, round_: int, /) -> list[Draft]:
        """Return what is due after `round_`, from where a run is played again."""
        ...

    def answer(self, heard: Sequence[Event]) -> list[Draft]:
        """Return what is due after these events, of which the last ends a round, or all."""
        ...


class _EndOfTapeError(Exception):
    """All that the log has was said again, and the run would have gone on."""


@dataclass(frozen=True)
class Beginning:
    """From where a run is played again: after event `seq`, with what was remembered there."""

    recipe: Recipe
    started: RunStarted
    memory: Memory
    syllabus: Syllabus
    seq: int = 0


@dataclass(frozen=True)
class Speech:
    """How a policy speaks: its token ids, and the form in which it was asked."""

    vocabulary: Vocabulary
    form: Form


def reenact(begin: Beginning, speech: Speech, learner: Learner, tape: Tape) -> None:
    """Play a run once more on `tape`, until it ends, the log ends, or the two part."""
    try:
        asyncio.run(_play(begin, speech, learner, tape))
    except* (DivergenceError, _EndOfTapeError):
        pass


def relearn(
    trainer: RebuildingTrainer, begin: Beginning, events: Iterable[Event], tape: Tape
) -> None:
    """Let a trainer alone say again, round by round, what `tape` holds of it."""
    heard: list[Event] = []
    try:
        tape.place(trainer.begin(begin.memory.round))
        for event in events:
            if event.producer == TRAINER:
                continue
            tape.pass_by(event)
            heard.append(event)
            if event.kind in _ANSWERED:
                tape.place(trainer.answer(heard))
                heard.clear()
    except DivergenceError:
        return


async def _play(begin: Beginning, speech: Speech, learner: Learner, tape: Tape) -> None:
    recipe, quiescence = begin.recipe, Quiescence()
    quiescence.add(Work(_LAST_RANK, lambda: tape.over, _end))
    bus = MemoryBus(tape, quiescence, begin.seq)
    cassette = Cassette(speech.vocabulary, begin.memory.version, quiescence)
    agents = cast(Voice(cassette, recipe.seed, speech.form))
    society = Society(
        recipe.plan(),
        begin.memory,
        begin.syllabus,
        bus=bus,
        quiescence=quiescence,
        policy=RecordedPolicy(tape, cassette),
        roles=Here(
            {
                role: RecordedAgent(agent, tape, cassette, recipe.seed)
                for role, agent in agents.items()
            }
        ),
    )
    async with bus.listen() as events, asyncio.TaskGroup() as group:
        helper = group.create_task(_learn(learner, begin.memory.round, events, bus))
        await group.create_task(society.run(begin.started))
        helper.cancel()


async def _learn(
    learner: Learner, round_: int, events: AsyncIterator[Event], bus: MemoryBus
) -> None:
    """Answer every round that ends, after `round_`."""
    heard: list[Event] = []
    await bus.publish(learner.begin(round_))
    async for event in events:
        heard.append(event)
        if event.kind in _ANSWERED:
            await bus.publish(learner.answer(heard))
            heard.clear()


async def _end() -> None:
    raise _EndOfTapeError
