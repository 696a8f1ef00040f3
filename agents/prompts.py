"""Prompts: how each role is asked, in the character formats of the embedded policy.

`@` solves, `#` examines, `$` criticises, `%` guides, `&` teaches; `>` ends a problem, `|` a field.
The answer to each of them ends with a newline. The solver's prompt holds the task and nothing
privileged; only the teacher's holds a view.
"""


def examiner(parent: str = "") -> str:
    """A new problem, or further operations of the parent."""
    return f"#{parent}>"


def solver(problem: str, prefix: str = "") -> str:
    """The problem, and the hinted part of a solution if there is one."""
    return f"@{problem}>{prefix}"


def critic(problem: str, attempt: str) -> str:
    """The problem and the attempt to check."""
    return f"${problem}>{attempt}|"


def value(problem: str, partial: str) -> str:
    """The problem and a partial solution, of which one token says whether it ends well."""
    return f"${problem}>{partial}."


def guide(problem: str, partial: str = "") -> str:
    """The problem to judge, or with the right steps so far a request for the next one."""
    return f"%{problem}>{partial}|"


def teacher(problem: str, *view: str) -> str:
    """The problem under a view: a reference solution, or an attempt and its critique."""
    return f"&{'|'.join((*view, problem))}>"
