"""The cast: the five roles, all speaking with one policy, some with a copy of their own."""

from collections.abc import Mapping
from dataclasses import replace

from simctl.agents.agent import Agent, Voice
from simctl.agents.critic import Critic
from simctl.agents.examiner import Examiner
from simctl.agents.exams import Exams
from simctl.agents.forms.form import Form
from simctl.agents.guide import Guide
from simctl.agents.solver import Solver
from simctl.agents.teacher import Teacher
from simctl.bus.asks import Role


def cast(
    voice: Voice, exams: Exams | None = None, forms: Mapping[Role, Form] | None = None
) -> dict[Role, Agent]:
    """Return an agent for every role; without `exams` the solver sits none.

    Roles speak in the voice's form, but for those of `forms`.
    """
    own = {role: replace(voice, form=form) for role, form in (forms or {}).items()}
    return {
        "examiner": Examiner(own.get("examiner", voice)),
        "solver": Solver(own.get("solver", voice), exams),
        "critic": Critic(own.get("critic", voice)),
        "guide": Guide(own.get("guide", voice)),
        "teacher": Teacher(own.get("teacher", voice)),
    }
