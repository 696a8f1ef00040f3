"""A transcript: who said what in an episode, and what came of it."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simctl.agents.tasks.chain import STEP
from simctl.bus.answers import (
    AttemptMade,
    AttemptRevised,
    CritiqueWritten,
    HintGiven,
    LessonGiven,
    RoleFailed,
    Spoken,
    TaskJudged,
    TaskPosed,
)
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    DemonstrationGiven,
    EpisodeEnded,
    EpisodeStarted,
    TaskChecked,
    UnknownMessage,
)
from simctl.cli.figures import share
from simctl.cli.words import STYLES, words

_ATTEMPTS = (AttemptMade, AttemptRevised)


def transcript(events: Sequence[Event]) -> Group:
    """Return the transcript of one episode's events."""
    messages = (event.message for event in events)
    grades = {each.of: each for each in messages if isinstance(each, AnswerGraded)}
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for event in events:
        row = _row(event, grades.get(event.seq))
        if row is not None:
            table.add_row(*row)
    return Group(_title(events), Text(), table)


def _title(events: Sequence[Event]) -> Text:
    first, last = events[0], events[-1]
    name = next((e.message.name for e in events if isinstance(e.message, EpisodeStarted)), "")
    versions = sorted({version for event in events for version in _versions(event)})
    policy = ", ".join(f"v{version}" for version in versions) or "-"
    return Text.assemble(
        (f"Episode {first.episode}", "bold"),
        (f" · {name} · round {first.round} · policy {policy} · ", "dim"),
        (f"events {first.seq} to {last.seq}", "dim"),
    )


def _versions(event: Event) -> list[int]:
    spans = event.message.versions if isinstance(event.message, Spoken) else ()
    known = [] if event.policy_version is None else [event.policy_version]
    return known + [version for version, _ in spans]


def _row(event: Event, grade: AnswerGraded | None) -> tuple[RenderableType, ...] | None:
    """Return seq, who, what about, what was said and what it was worth; nothing for an ask."""
    message = event.message
    match message:
        case TaskChecked():
            who, spoken = Text("verifier", "bold"), _gates(message)
        case EpisodeEnded():
            who, spoken = Text("end", "bold"), Text(f"{message.outcome} {message.detail}".strip())
        case RoleFailed():
            who, spoken = _who(event), Text(message.error, "red")
        case _ if words(message):
            who, spoken = _who(event), said(message, grade)
        case _:
            return None
    about = ", ".join(filter(None, (_about(message), _spans(message))))
    return f"#{event.seq}", who, Text(about, "dim"), spoken, _worth(grade)


def _who(event: Event) -> Text:
    return Text(event.sender, STYLES.get(event.sender, "bold"))


def _about(message: AnyMessage | UnknownMessage) -> str:  # noqa: C901 - one case a kind
    """Return what a message is about."""
    about = ""
    match message:
        case TaskPosed(parent_task=int(parent)):
            about = f"going on from #{parent}"
        case AttemptMade(index=index):
            about = f"attempt {index + 1}"
        case AttemptRevised(index=index):
            about = f"attempt {index + 1}, hinted"
        case CritiqueWritten(of=of):
            about = f"on #{of}"
        case TaskJudged(clean=clean):
            about = f"clean: {share(clean)}"
        case HintGiven(partial=partial):
            about = f"after {partial}"
        case LessonGiven(of=of, view=view):
            about = f"on #{of}, seeing the {view}"
        case DemonstrationGiven(role=role, prompt=prompt):
            about = f"as {role}: {prompt}"
        case _:
            pass
    return about


def _spans(message: AnyMessage | UnknownMessage) -> str:
    """Return which versions said how many of its tokens, where there are several."""
    spans = message.versions if isinstance(message, Spoken) else ()
    return ", ".join(f"v{version} {tokens} tokens" for version, tokens in spans)


def said(message: AnyMessage | UnknownMessage, grade: AnswerGraded | None) -> Text:
    """Return what was said; of a wrong attempt, what follows the last right step underlined."""
    text = Text(words(message))
    if grade is not None and isinstance(message, _ATTEMPTS):
        right = None if grade.first_wrong is None else grade.first_wrong * STEP
        text.stylize("green", 0, right)
        if right is not None:
            text.stylize("red underline", right)
    return text


def _gates(message: TaskChecked) -> Text:
    text = Text()
    for gate, passed in message.gates.items():
        mark, style = ("✓", "green") if passed else ("✗", "red")
        text.append(mark, style).append(f"\N{NO-BREAK SPACE}{gate}  ", "dim")
    if message.valid:
        text.append(f"difficulty {message.difficulty}: ", "dim").append(message.reference)
    return text


def _worth(grade: AnswerGraded | None) -> Text:
    if grade is None:
        return Text()
    style = "green" if grade.reward >= 1 else "red" if grade.reward <= 0 else "yellow"
    parts = ", ".join(f"{name} {share(value)}" for name, value in grade.parts.items())
    return Text.assemble((f"{share(grade.reward):>4}", f"bold {style}"), (f"  {parts}", "dim"))
