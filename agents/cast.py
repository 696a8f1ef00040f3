"""The cast: the five roles, all speaking with one policy, some with a copy of their own."""

from simctl.agents.agent import Agent, Voice
from simctl.agents.critic import Critic
from simctl.agents.examiner import Examiner
from simctl.agents.exams import Exams
from simctl.agents.guide import Guide
from simctl.agents.solver import Solver
from simctl.agents.teacher import Teacher
from simctl.bus.asks import Role


def cast(voice: Voice, exams: Exams | None = None) -> dict[Role, Agent]:
    """Return an agent for every role; without `exams` the solver sits none."""
    return {
        "examiner": Examiner(voice),
        "solver": Solver(voice, exams),
        "critic": Critic(voice),
        "guide": Guide(voice),
        "teacher": Teacher(voice),
    }
