"""Memory: where a run is, folded from its log. Nothing else is kept between two processes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simctl.agents.curriculum import Syllabus
from simctl.bus.event import Event


@dataclass
class Memory:
    """The round that was begun last, as far as it came; it is played again from its start.

    `pseq` is the society's number at the start of that round, `version` the policy that served,
    `tokens` what earlier rounds sampled, `incarnation` how many processes have played the run.
    """

    round: int = 0
    pseq: int = 0
    version: int = 0
    tokens: int = 0
    incarnation: int = 0
    ended: bool = False
    history: list[Event] = field(default_factory=list)

    def close(self, events: Iterable[Event], syllabus: Syllabus) -> None:
        """Take in the events of a finished round."""
        kept = sorted(events, key=lambda event: (event.episode, event.seq))
        syllabus.observe(kept)
        self.tokens += sum(len(event.utterance.tokens) for event in kept if event.utterance)
        self.history = []


def recall(events: Iterable[Event], syllabus: Syllabus) -> Memory:
    """Fold a log into the place where its run broke off; moves `syllabus` along."""
    memory = Memory()
    for event in events:
        if event.kind == "round_started":
            memory.close(memory.history, syllabus)
            memory.round, memory.pseq = event.round, event.pseq
            memory.version = event.policy_version or 0
        elif event.kind in {"run_started", "run_resumed"}:
            memory.incarnation += 1
        memory.ended = event.kind == "run_ended"
        memory.history.append(event)
    return memory
