"""A tiny random Llama, and a way to tell what happened in a round."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from simctl.bus.answers import (
    ActionTaken,
    AttemptMade,
    AttemptRevised,
    CritiqueWritten,
    LessonGiven,
    TaskPosed,
    ValueEstimated,
)
from simctl.bus.asks import Role, SolveTask, View
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    DemonstrationGiven,
    RoundEnded,
    TaskChecked,
)
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore
from simctl.trainer.sample import CrossEntropy, Loss, Sample
from simctl.trainer.settings import Training

Ids = Sequence[int]
EOS = 1
BARE, HINT = (2, 3, 4), (30, 31)  # what an aided prompt shows besides
LOGPROB = -3.4  # near that of 32 equal words


class Story:
    """Says things to a log in memory, each producer with its own numbers."""

    def __init__(self, log: EventLog | None = None) -> None:
        self.log = log or ListLog()
        self.round = 1
        self._next: Counter[str] = Counter()

    @property
    def events(self) -> list[Event]:
        return list(self.log.read())

    def say(  # noqa: PLR0913 - an envelope
        self,
        producer: str,
        message: AnyMessage,
        *,
        prompt: Ids = (),
        tokens: Ids = (),
        cause: int | None = None,
        task: int | None = None,
    ) -> int:
        said = Utterance(tuple(prompt), tuple(tokens), (LOGPROB,) * len(tokens))
        draft = Draft(
            producer=producer,
            epoch=0,
            pseq=self._next[producer],
            message=message,
            sender=producer,
            round=self.round,
            cause=cause,
            task=task,
            policy_version=self.round - 1 if prompt else None,
            utterance=said if prompt else None,
        )
        self._next[producer] += 1
        [event] = asyncio.run(self.log.append([draft]))
        return event.seq

    def task(self, prompt: Ids = (), tokens: Ids = ()) -> int:
        return self.say("examiner", TaskPosed(problem="p"), prompt=prompt, tokens=tokens)

    def ask(self, task: int) -> int:
        """Ask for something: the seq is the cause of what answers it."""
        return self.say("episode", SolveTask(task=task, problem="p"), task=task)

    def attempt(  # noqa: PLR0913 - an answer with its grade
        self,
        task: int,
        cause: int,
        tokens: Ids,
        reward: float | None,
        *,
        truncated: bool = False,
        text: str = "",
        hint: str = "",
        parts: dict[str, float] | None = None,
    ) -> int:
        made = AttemptMade(task=task, index=0, attempt=text, truncated=truncated, hint=hint)
        prompt = (*HINT, *BARE) if hint else (2, 3 + self._next["examiner"] % 7, 4)
        seq = self.say("solver", made, prompt=prompt, tokens=tokens, cause=cause, task=task)
        if reward is not None:
            self.grade(task, seq, "solver", reward, parts)
        return seq

    def proceed(  # noqa: PLR0913 - an answer with its grade
        self, task: int, prefix: Ids, tokens: Ids, reward: float, *, cause: int, text: str = ""
    ) -> int:
        """Go on from a prefix, after the prompt of an unaided attempt."""
        made = AttemptRevised(task=task, index=0, prefix="p", attempt=text)
        prompt = (2, 3 + self._next["examiner"] % 7, 4, *prefix)
        seq = self.say("solver", made, prompt=prompt, tokens=tokens, cause=cause, task=task)
        self.grade(task, seq, "solver", reward)
        return seq

    def revise(  # noqa: PLR0913 - an answer with its grade
        self, task: int, of: int, tokens: Ids, reward: float, *, cause: int = 0, turn: int = 2
    ) -> int:
        made = AttemptRevised(task=task, index=0, prefix="", attempt="", of=of, turn=turn)
        seq = self.say(
            "solver", made, prompt=(*HINT, of), tokens=tokens, cause=cause or of, task=task
        )
        self.grade(task, seq, "solver", reward)
        return seq

    def criticise(  # noqa: PLR0913 - an answer with its grade
        self,
        task: int,
        of: int,
        tokens: Ids,
        reward: float | None = None,
        *,
        verdict: bool = False,
        privileged: bool = False,
    ) -> int:
        written = CritiqueWritten(
            task=task, of=of, critique="", verdict=verdict, privileged=privileged
        )
        seen = (*HINT, 21, of) if privileged else (21, of)
        speaker: Role = "teacher" if privileged else "critic"
        seq = self.say(speaker, written, prompt=seen, tokens=tokens, cause=of, task=task)
        if reward is not None:
            self.grade(task, seq, speaker, reward)
        return seq

    def act(self, task: int, rollout: int, turn: int, tokens: Ids, reward: float | None) -> int:
        taken = ActionTaken(task=task, index=rollout, turn=turn, action="")
        seq = self.say("solver", taken, prompt=(2, turn), tokens=tokens, task=task)
        if reward is not None:
            self.grade(task, seq, "solver", reward)
        return seq

    def estimate(self, task: int, partial: str, tokens: Ids = (25,)) -> int:
        estimated = ValueEstimated(task=task, partial=partial, value=0.5)
        return self.say("critic", estimated, prompt=(22, 4), tokens=tokens, task=task)

    def check(self, task: int, difficulty: int) -> None:
        checked = TaskChecked(task=task, valid=True, gates={}, difficulty=difficulty)
        self.say("environment", checked, cause=task, task=task)

    def grade(
        self,
        task: int,
        of: int,
        role: Role,
        reward: float,
        parts: dict[str, float] | None = None,
    ) -> None:
        found = {"correct": reward} | (parts or {})
        self.say(
            "environment",
            AnswerGraded(task=task, of=of, role=role, reward=reward, parts=found),
            cause=of,
            task=task,
        )

    def lesson(
        self, task: int, of: int, prompt: Ids, tokens: Ids = (), view: View = "reference"
    ) -> int:
        given = LessonGiven(task=task, of=of, view=view, solution="")
        return self.say("teacher", given, prompt=prompt, tokens=tokens, task=task)

    def show(self, role: Role, prompt: Ids, tokens: Ids) -> int:
        shown = DemonstrationGiven(role=role, prompt="", answer="")
        return self.say("teacher", shown, prompt=prompt, tokens=tokens)

    def end(self) -> int:
        seq = self.say("society", RoundEnded(episodes=1))
        self.round += 1
        return seq

    def improvise(self, chance: random.Random) -> None:
        """Play a round as chance has it."""
        task = self.task(*(((5,), (6, EOS)) if chance.random() < 0.5 else ()))
        for _ in range(chance.randrange(4)):
            reward = chance.choice([None, 0.0, 0.5, 1.0])
            made = self.attempt(task, task, (chance.randrange(2, 32), EOS), reward)
            if chance.random() < 0.5:
                self.lesson(task, made, (2, 3), (4,) * chance.randrange(2))
            if chance.random() < 0.3:
                self.criticise(task, made, (20, EOS), privileged=chance.random() < 0.5)
                self.revise(task, made, (9, EOS), chance.choice([0.0, 1.0]))
        for turn in range(chance.randrange(3)):
            self.act(task, turn % 2, turn, (10, EOS), chance.choice([None, 0.0, 1.0]))
        if chance.random() < 0.3:
            self.check(task, chance.randrange(5))
            self.attempt(task, self.ask(task), (11, EOS), 1.0, hint="h")
            self.show("guide", (2,), (3, EOS))
        self.end()

    def play(self, rounds: int = 1) -> None:
        """Play whole rounds: two tasks with four attempts each, lessons and a demonstration."""
        for _ in range(rounds):
            for at in range(2):
                task = self.task(prompt=(5,), tokens=(6, 7 + at, EOS))
                for k in range(4):
                    answer = (8 + k, 9 + at, 10 + (self.round + k) % 5, EOS)[: 3 + k % 2]
                    made = self.attempt(task, task, answer, float(k == at))
                    self.lesson(task, made, prompt=(2, 11, 12 + at, 4))
                self.grade(task, task, "examiner", at / 2)
            self.show("critic", (13, 14), (15, EOS))
            self.end()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture(scope="session")
def story_of() -> Callable[[int], Story]:
    """Tell a story that chance has written."""

    def tell(seed: int) -> Story:
        chance, story = random.Random(seed), Story()  # noqa: S311 - a story, not a secret
        for _ in range(chance.randrange(1, 4)):
            story.improvise(chance)
        return story

    return tell


@pytest.fixture(scope="session")
def story_in() -> Callable[[EventLog], Story]:
    """Tell a story to a given log."""
    return Story


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with random weights."""
    path = tmp_path_factory.mktemp("base")
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        eos_token_id=EOS,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(path)
    (path / "tokenizer.json").write_text("{}")
    return path


@pytest.fixture
def policies(tmp_path: Path, base: Path) -> PolicyStore:
    store = PolicyStore(tmp_path / "policies")
    store.adopt(base)
    return store


@pytest.fixture(scope="session")
def training() -> Training:
    """Every family of objectives at once."""
    return Training.model_validate(
        {
            "seed": 7,
            "trainer": {"learning_rate": 1e-3, "minibatch_size": 8, "num_iterations": 2},
            "teacher": {"sync": "ema", "decay": 0.9},
            "objective": [
                {"kind": "grpo", "roles": ["solver", "examiner"]},
                {"kind": "divergence", "only": "failed", "weight": 0.5},
                {"kind": "sft", "demonstrations": True, "weight": 0.1},
            ],
        }
    )


SampleOf = Callable[..., Sample]


@pytest.fixture
def sample_of() -> SampleOf:
    """Make samples with as little to say as possible."""

    def make(prompt: Ids, tokens: Ids, loss: Loss | None = None, **fields: object) -> Sample:
        given = {
            "role": "solver",
            "policy_version": 0,
            "source": 1,
            "prompt": prompt,
            "tokens": tokens,
            "logprobs": (LOGPROB,) * len(tokens),
            "weights": (1.0,) * len(tokens),
            "loss": loss or CrossEntropy(),
        }
        return Sample.model_validate(given | fields)

    return make
