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


def hinted(problem: str, hint: str) -> str:
    """The problem, with a part of a solution shown beside it: as to a teacher."""
    return teacher(problem, hint)


def reviser(problem: str, attempt: str, critique: str) -> str:
    """The problem, with the solver's own attempt and what was said of it: as to a teacher."""
    return teacher(problem, attempt, critique)


def actor(problem: str, history: str) -> str:
    """The problem, and the actions so far with what followed from each."""
    return f"@{problem}>{history}"


def saboteur(problem: str, prefix: str) -> str:
    """The problem, and the right steps after which a wrong one is wanted: as to a solver."""
    return solver(problem, prefix)


def critic(problem: str, attempt: str, reference: str = "") -> str:
    """The problem and the attempt to check, with a reference for whoever may see it."""
    seen = f"{reference}|" if reference else ""
    return f"${seen}{problem}>{attempt}|"


def value(problem: str, partial: str) -> str:
    """The problem and a partial solution, of which one token says whether it ends well.

    No role is asked like this. On the embedded policy the accepting token is not out of the
    question here (p = 0.6, where after `partial.` it is 1e-6 and hardly has a gradient).
    """
    return f"${problem}|{partial}"


def guide(problem: str, partial: str = "") -> str:
    """The problem to judge, or with the right steps so far a request for the next one."""
    return f"%{problem}>{partial}|"


def teacher(problem: str, *view: str) -> str:
    """The problem under a view: a reference solution, or an attempt and its critique."""
    return f"&{'|'.join((*view, problem))}>"
