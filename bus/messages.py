"""Messages: what agents, environment, society and trainer report, and the catalogue of all kinds.

A message refers to an event by its `seq`, never by a random id, so that two runs of one seed
write the same payloads. A published (kind, schema) is never edited: an optional field with a
default keeps the number, anything else is a new number.
"""

from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, TypeAdapter, model_serializer

from simctl.bus.answers import AnyAnswer
from simctl.bus.asks import AnyAsk, Message, Role
from simctl.bus.values import Value
from simctl.bus.workers import OF_WORKERS, AnyOfWorkers

# --- reports of the environment ---------------------------------------------------------------


class TaskChecked(Message):
    """The verdict of every gate on a posed task, and what the environment knows about it."""

    kind: Literal["task_checked"] = "task_checked"
    task: int
    valid: bool
    gates: dict[str, bool]
    difficulty: int = 0
    degenerate: float = 0.0
    reference: str = ""
    path: str = ""


class ObservationMade(Message):
    """What the environment showed after action `of`; `done` ends the exchange."""

    kind: Literal["observation_made"] = "observation_made"
    task: int
    of: int
    observation: str
    done: bool = False


class AnswerGraded(Message):
    """The grade of event `of`: the parts, and the reward that the recipe makes of them."""

    kind: Literal["answer_graded"] = "answer_graded"
    task: int
    of: int
    role: Role
    reward: float
    parts: dict[str, float]
    first_wrong: int | None = None


class AnswerRescored(Message):
    """Another grade of event `of`, by `verifier`, given after the run; the first grade stays."""

    kind: Literal["answer_rescored"] = "answer_rescored"
    task: int
    of: int
    role: Role
    verifier: str
    reward: float
    parts: dict[str, float]
    first_wrong: int | None = None


class DemonstrationGiven(Message):
    """A question and an answer of the school, for rehearsal; its token ids are in the event."""

    kind: Literal["demonstration_given"] = "demonstration_given"
    role: Role
    prompt: str
    answer: str


# --- reports of the society -------------------------------------------------------------------


class RunStarted(Message):
    """A run begins. `recipe` is the resolved recipe as TOML text."""

    kind: Literal["run_started"] = "run_started"
    recipe: str
    seed: int
    policy_sha256: str
    machine: dict[str, str]


class RunResumed(Message):
    """A run goes on after it ended or broke off; `incarnation` counts its processes from 1."""

    kind: Literal["run_resumed"] = "run_resumed"
    incarnation: int


class RunForked(Message):
    """A branch begins: it has the events of run `parent` up to seq `at`, and goes its own way.

    `recipe` is the resolved recipe, as TOML text, by which it goes on.
    """

    kind: Literal["run_forked"] = "run_forked"
    parent: str
    at: int
    branch: str
    recipe: str


class LogRepaired(Message):
    """A damaged log was repaired: the events up to seq `kept` were found whole, in `source`.

    `missing` counts what was lost after them, by sender; "unknown" are those that no one can name.
    """

    kind: Literal["log_repaired"] = "log_repaired"
    kept: int
    missing: dict[str, int]
    source: str


class RunEnded(Message):
    """A run ended: finished, interrupted or failed."""

    kind: Literal["run_ended"] = "run_ended"
    reason: Literal["finished", "interrupted", "failed"]
    detail: str = ""


class RoundStarted(Message):
    """A round of concurrent episodes begins."""

    kind: Literal["round_started"] = "round_started"
    episodes: int


class RoundEnded(Message):
    """Every episode of the round ended: the trainer may learn from it."""

    kind: Literal["round_ended"] = "round_ended"
    episodes: int
    failed: int = 0


class PlayEnded(Message):
    """The last round was played, ahead of the trainer: what it learns from the rest is waited for.

    It is said only where rounds are played ahead (`max_staleness`).
    """

    kind: Literal["play_ended"] = "play_ended"
    rounds: int


class EpisodeStarted(Message):
    """An episode begins."""

    kind: Literal["episode_started"] = "episode_started"
    name: str


class EpisodeEnded(Message):
    """An episode ended: completed, or given up with the reason."""

    kind: Literal["episode_ended"] = "episode_ended"
    outcome: Literal["completed", "invalid_task", "failed"]
    detail: str = ""


class CurriculumMoved(Message):
    """What the next round will draw from: weight of each difficulty, and the size of the pool.

    What else is steered between rounds, such as the share of a view that is shown, is in `weights`
    under its name.
    """

    kind: Literal["curriculum_moved"] = "curriculum_moved"
    weights: dict[str, float]
    pool: int = 0


class HealthMeasured(Message):
    """How a round went: numbers by name, folded from its events and from the rounds before."""

    kind: Literal["health_measured"] = "health_measured"
    metrics: dict[str, float]


class AlarmRaised(Message):
    """A number of the society's health is beyond its bound, since round `since`; `text` says how.

    It is said once, and once more when the number is back: then `over`.
    """

    kind: Literal["alarm_raised"] = "alarm_raised"
    name: str
    value: float
    bound: float
    since: int
    text: str
    over: bool = False


class MessageRejected(Message):
    """What somebody said and broke a rule with: kept as text, and heard by nobody.

    `text` is its beginning; `length` (bytes) and `sha256` are of all of it.
    """

    kind: Literal["message_rejected"] = "message_rejected"
    reason: str
    text: str = ""
    length: int = 0
    sha256: str = ""


class PolicySynced(Message):
    """A sampler loaded a policy version and compared log-probabilities with the trainer's.

    `delta` is the largest absolute difference in nats over the probe. With `ok` false the
    sampler refused the version, and the one before keeps serving. `how` is the way that an engine
    with several went, after what was wrong with those it tried before.
    """

    kind: Literal["policy_synced"] = "policy_synced"
    version: int
    sampler: str
    ok: bool
    delta: float | None = None
    reason: str = ""
    how: str = Field(default="", exclude_if=lambda way: not way)


class PolicyEvaluated(Message):
    """The scores of a policy version on held-out tasks; `tokens` were sampled for it."""

    kind: Literal["policy_evaluated"] = "policy_evaluated"
    version: int
    suite: str
    scores: dict[str, float]
    problems: int
    tokens: int = 0


# --- reports of the trainer -------------------------------------------------------------------


class SampleDropped(Message):
    """Events of a role that were not trained on, and why."""

    kind: Literal["sample_dropped"] = "sample_dropped"
    role: Role
    reason: str
    sources: tuple[int, ...]


class BatchBuilt(Message):
    """The batch for `version`: the events it came from and the digest of its samples.

    `teacher_tokens` of its answers are scored again by a teacher, for a divergence.
    """

    kind: Literal["batch_built"] = "batch_built"
    version: int
    sources: tuple[int, ...]
    samples: int
    tokens: int
    digest: str
    teacher_tokens: int = 0


class Probe(Value):
    """A sequence and the log-probabilities that the trainer's weights give to its answer."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


class CopyPromoted(Message):
    """The copy that sat exam `of` is what the solver goes on from, in `version`.

    The trainer takes the copy's `steps` again, on the answers `sources`. The exam gained `gain`;
    the mean gain of the last rounds, `average`, was over the recipe's bound.
    """

    kind: Literal["copy_promoted"] = "copy_promoted"
    version: int
    of: int
    gain: float
    average: float
    steps: int
    sources: tuple[int, ...]


class PolicyUpdated(Message):
    """New weights: version, parent, their hash, and the step's metrics.

    `probes` are of the weights that roles share; where roles have copies of their own, `copies` has
    the probes of each by its role, and their metrics begin with the role.
    """

    kind: Literal["policy_updated"] = "policy_updated"
    version: int
    parent: int
    sha256: str
    metrics: dict[str, float]
    probes: tuple[Probe, ...] = ()
    copies: dict[str, tuple[Probe, ...]] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _as_before_copies(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave `copies` out where there are none: then nothing is written that was not before."""
        written: dict[str, object] = write(self)
        if not self.copies:
            written.pop("copies", None)
        return written


AnyMessage = (
    AnyAsk
    | AnyAnswer
    | TaskChecked
    | ObservationMade
    | AnswerGraded
    | AnswerRescored
    | DemonstrationGiven
    | RunStarted
    | RunResumed
    | RunForked
    | LogRepaired
    | RunEnded
    | RoundStarted
    | RoundEnded
    | PlayEnded
    | EpisodeStarted
    | EpisodeEnded
    | CurriculumMoved
    | HealthMeasured
    | AlarmRaised
    | MessageRejected
    | PolicySynced
    | PolicyEvaluated
    | SampleDropped
    | BatchBuilt
    | CopyPromoted
    | PolicyUpdated
    | AnyOfWorkers
)
_CATALOGUE: TypeAdapter[AnyMessage] = TypeAdapter(
    Annotated[AnyMessage, Field(discriminator="kind")]
)


class UnknownMessage(Message):
    """What this version of simctl cannot read: a kind or a schema of another version.

    It keeps its text and its place in the log. Nobody answers it and nothing learns from it.
    """

    kind: str
    text: str


# what is added to a log from outside; what a run does next depends on none of it
OUTSIDE = ("answer_rescored", "log_repaired", *OF_WORKERS)


def kinds() -> dict[str, type[AnyMessage]]:
    """Return every message class by its kind, in the order of the catalogue."""
    classes: tuple[type[AnyMessage], ...] = AnyMessage.__args__
    return {cls.model_fields["kind"].default: cls for cls in classes}


def parse(payload: str | bytes) -> AnyMessage:
    """Return the message that `payload` (canonical JSON of today's schema) holds.

    Raises:
        pydantic.ValidationError: the text is no message of this catalogue.
    """
    return _CATALOGUE.validate_json(payload)
