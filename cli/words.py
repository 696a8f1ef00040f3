"""Words: what each message says, in one line for people."""

from simctl.bus.messages import (
    AnyMessage,
    UnknownMessage,
)

STYLES = {
    "examiner": "yellow",
    "solver": "cyan",
    "critic": "magenta",
    "guide": "green",
    "teacher": "blue",
}

# the field that holds what was said, by the kind of message
SAYINGS = {
    "task_posed": "problem",
    "error_planted": "attempt",
    "attempt_made": "attempt",
    "attempt_revised": "attempt",
    "action_taken": "action",
    "critique_written": "critique",
    "task_judged": "judgement",
    "hint_given": "hint",
    "lesson_given": "solution",
    "demonstration_given": "answer",
    "role_failed": "error",
}


def words(message: AnyMessage | UnknownMessage) -> str:
    """Return what a role said, on one line; nothing for what no role says."""
    field = SAYINGS.get(message.kind)
    return " ".join(str(getattr(message, field)).split()) if field else ""
