"""Samplers: the generating face of a policy. Prompts in, token ids and log-probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from simctl.bus.asks import STUDIED_AT_ONCE, Role, Sampling

SAMPLE_RANK = 1  # of a sampler's work: after commits
STUDY_RANK = 2  # when nobody can go on without it: it is slow


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a chat model is asked: who it is, what is said to it, and how its answer begins.

    `options` go to the model's chat template, such as ("enable_thinking", False).
    """

    system: str
    user: str
    begun: str = ""
    options: tuple[tuple[str, bool | int | str], ...] = ()


# text is encoded as it stands, and token ids are what they are
Prompt = str | Dialogue | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One answer wanted.

    `key` names its stream of noise: position t of the answer always draws the same number,
    whoever shares the batch. Where `answer` is given nothing is drawn: its tokens come back with
    their log-probabilities, and no end token. `role` is who speaks: some have weights of their own.
    """

    prompt: Prompt
    key: int
    sampling: Sampling
    answer: str | tuple[int, ...] | None = None
    role: Role = "solver"


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer.

    `tokens` and `logprobs` have one length and include the end token unless `truncated`; `text`
    leaves it out. Log-probabilities are those of the distribution that was
    sampled from (logits divided by the temperature; by 1 when greedy). `unread` says why `text` is
    not what the role was asked for, where it is not.

    Where weights changed amid the answer, `versions` says which of them said how many of its tokens
    in a row, oldest first, and `policy_version` is the oldest.

    Of another `engine` than the run's own policy tokens and log-probabilities may be missing;
    `spent` are then the tokens that it was shown and that it said.
    """

    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    truncated: bool
    policy_version: int
    unread: str = ""
    engine: str = ""
    spent: tuple[int, int] | None = None
    versions: tuple[tuple[int, int], ...] = ()


class Sampler(Protocol):
    """Answers prompts with one version of the policy at a time, each role with its weights."""

    @property
    def version(self) -> int:
        """The policy version that serves."""
        ...

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text."""
        ...

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Study:
    """What a copy of the solver's policy learns from, and what it is asked before and after.

    `examples` are pairs of prompt and answer, `exam` prompts that are answered
    greedily. `key` names the order of examples.
    """

    examples: tuple[tuple[Prompt, str], ...]
    exam: tuple[Prompt, ...]
    steps: int
    learning_rate: float
    key: int = 0
    batch_size: int = STUDIED_AT_ONCE
    max_completion_length: int = 128


@dataclass(frozen=True, slots=True)
class Studied:
    """What was answered to each prompt of the exam, before and after the copy learnt."""

    before: tuple[Completion, ...]
    after: tuple[Completion, ...]


@runtime_checkable
class Studies(Protocol):
    """Lets throw-away copies of a policy learn."""

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Return what each copy answered, in order. The weights that serve stay as they are."""
        ...


class Syncable(Protocol):
    """A sampler whose weights can be replaced."""

    @property
    def tolerance(self) -> float:
        """How far log-probabilities may be from the trainer's, in nats, for a version to serve."""
        ...

    def propose(self, version: int, path: Path) -> None:
        """Load a version beside the one that serves.

        Raises:
            ValueError: the directory holds no such model.
        """
        ...

    def score(
        self, prompt: Sequence[int], tokens: Sequence[int], role: str | None = None
    ) -> list[float]:
        """Return the log-probability of each token under the proposed version, in nats.

        Of its copy for `role`; without one, of the weights that roles share.
        """
        ...

    def accept(self) -> None:
        """Serve the proposed version from the next batch on; in flight, from the next token on."""
        ...

    def reject(self) -> None:
        """Forget the proposed version, and serve on what served before.

        Raises:
            ValueError: what served before cannot be had back.
        """
        ...


@runtime_checkable
class Closes(Protocol):
    """A sampler that holds something which must be let go."""

    def close(self) -> None:
        """Let it go."""
        ...


@runtime_checkable
class Rests(Protocol):
    """A sampler that can let go of memory while nobody asks."""

    def rest(self) -> None:
        """Let go of it until something is asked, or proposed."""
        ...


@runtime_checkable
class Persists(Protocol):
    """A sampler that knows several ways to load a version."""

    @property
    def how(self) -> str:
        """Which way the last version went, and what was wrong with those tried before."""
        ...

    def again(self, reason: str) -> bool:
        """Load the proposed version by the next way, for `reason`; False if there is none."""
        ...


class ServingSampler(Sampler, Studies, Syncable, Protocol):
    """A sampler that serves a society: it answers, lets copies learn, and takes new weights."""
