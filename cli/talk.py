"""The talk of a society, drawn: one exchange line by line, and the crew that plays the roles."""

from rich.cells import chop_cells
from rich.table import Table
from rich.text import Text

from simctl.bus.answers import CritiqueWritten, LessonGiven, TaskJudged
from simctl.bus.event import Event
from simctl.cli.crew import Crew, Member
from simctl.cli.exchange import Exchange, Saying
from simctl.cli.figures import share
from simctl.cli.transcript import said
from simctl.cli.words import STYLES

_WHO, _WORTH, _GAP = 12, 6, 2  # columns
_EVEN = 0.5
_VERBS = {
    "task_posed": "poses",
    "error_planted": "plants",
    "attempt_made": "tries",
    "attempt_revised": "revises",
    "action_taken": "does",
    "task_judged": "judges",
    "hint_given": "hints",
    "lesson_given": "teaches",
    "demonstration_given": "shows",
    "role_failed": "fails",
}
_VERB = max(map(len, _VERBS.values()))


def exchange_lines(exchange: Exchange, width: int, rows: int) -> Table:
    """Return who said what and what it was worth in at most so many rows, the first a heading."""
    texts = width - _WHO - _VERB - _WORTH - 3 * _GAP
    shown = Table.grid(padding=(0, _GAP, 0, 0))
    shown.add_column(width=_WHO, no_wrap=True)
    shown.add_column(width=_VERB, style="dim", no_wrap=True)
    shown.add_column(width=_WORTH, no_wrap=True, justify="right")
    shown.add_column(width=texts)
    spare = rows - 1 - len(exchange.sayings)
    for each in exchange.sayings[: rows - 1]:
        lines = chop_cells(_text(each).plain, texts)
        more = min(len(lines) - 1, 1, max(spare, 0))
        spare -= more
        shown.add_row(*_saying(each, texts * (1 + more)))
    return shown


def exchange_title(exchange: Exchange) -> Text:
    """Return where and when it was said, and which attempt of how many is shown."""
    title = f"said in episode {exchange.episode}, round {exchange.round}"
    if exchange.attempts > 1:
        title += f": one of {exchange.attempts} attempts"
    return Text(title, "dim", no_wrap=True, overflow="ellipsis")


def _saying(saying: Saying, room: int) -> tuple[Text, ...]:
    event, text = saying.event, _text(saying)
    text.truncate(room, overflow="ellipsis")
    text.overflow = "fold"
    return (
        Text(f"● {event.sender}", STYLES.get(event.sender, "bold")),
        Text(_verb(event)),
        _worth(saying),
        text,
    )


def _verb(event: Event) -> str:
    message = event.message
    if isinstance(message, CritiqueWritten):
        return "agrees" if message.verdict else "objects"
    return _VERBS.get(event.kind, event.kind)


def _text(saying: Saying) -> Text:
    message = saying.event.message
    if isinstance(message, TaskJudged):
        proper = message.clean >= _EVEN
        sure = message.clean if proper else 1 - message.clean
        return Text(f"{'a proper problem' if proper else 'no proper problem'}, {sure:.0%} sure")
    text = said(message, saying.grade)
    if isinstance(message, LessonGiven):
        text.append(f"  seeing the {message.view}", "dim")
    return text


def _worth(saying: Saying) -> Text:
    if saying.grade is None:
        return Text("")
    reward = round(saying.grade.reward, 2)  # as it is shown
    mark, style = (
        ("✓", "green") if reward >= 1 else ("✗", "red") if reward <= 0 else ("·", "yellow")
    )
    return Text.assemble((f"{mark} ", style), (f"{share(reward):>4}", f"bold {style}"))


def crew_lines(crew: Crew, rows: int) -> list[Text]:
    """Return the workers and what they hold, those that are there first; one row names them all."""
    members = sorted(crew.members.values(), key=lambda each: each.left is not None)
    if not rows or len(members) <= rows:
        return [_member(each, max(len(one.name) for one in members)) for each in members[:rows]]
    line = Text("workers", "dim", no_wrap=True, overflow="ellipsis")
    for each in members:
        here = each.left is None
        line.append("  ● " if here else "  ○ ", "green" if here else "dim").append(each.name)
        line.append(f" holds {len(each.held)}" if here else " left", "dim")
    return [line]


def _member(member: Member, width: int) -> Text:
    here = member.left is None
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("● " if here else "○ ", "green" if here else "dim")
    line.append(f"{member.name:<{width}}  ", "" if here else "dim")
    if not here:
        return line.append(f"left: {member.left}", "dim")
    version = "no policy yet" if member.version is None else f"v{member.version}"
    line.append(f"holds {len(member.held):>3}  ").append(f"{version}  ", "dim")
    for role in member.roles:
        line.append(f"{role} ", STYLES.get(role, ""))
    return line
