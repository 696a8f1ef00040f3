"""Prompts: how each role is asked in the character formats of the embedded policy.

`@` solves, `#` examines, `$` criticises, `%` guides, `&` teaches; `>` ends a problem, `|` a field.
The answer to each of them ends with a newline. The solver's prompt holds the task and nothing
privileged; only the teacher's holds a view.
"""

from simctl.bus.messages import (
    GiveHint,
    GiveLesson,
    JudgeTask,
    PoseTask,
    SolveTask,
    WriteCritique,
)


def examiner(ask: PoseTask) -> str:
    """A new problem, or further operations of the parent."""
    return f"#{ask.parent}>"


def solver(ask: SolveTask) -> str:
    """The problem, and the hinted part of a solution if there is one."""
    return f"@{ask.problem}>{ask.prefix}"


def critic(ask: WriteCritique) -> str:
    """The problem and the attempt to check."""
    return f"${ask.problem}>{ask.attempt}|"


def guide(ask: JudgeTask | GiveHint) -> str:
    """The problem, and for a hint the right steps so far."""
    partial = ask.partial if isinstance(ask, GiveHint) else ""
    return f"%{ask.problem}>{partial}|"


def teacher(ask: GiveLesson) -> str:
    """The problem under a view: a reference solution, or an attempt with its critique."""
    if ask.view == "critique":
        return f"&{ask.attempt}|{ask.critique}|{ask.problem}>"
    return f"&{ask.reference if ask.view == 'reference' else ''}|{ask.problem}>"
