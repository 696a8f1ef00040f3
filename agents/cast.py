"""The cast: the five roles, all speaking with one policy."""

from simctl.agents.agent import Agent, Voice
from simctl.agents.critic import Critic
from simctl.agents.examiner import Examiner
from simctl.agents.guide import Guide
from simctl.agents.solver import Solver
from simctl.agents.teacher import Teacher
from simctl.bus.asks import Role


def cast(voice: Voice) -> dict[Role, Agent]:
    """Return an agent for every role."""
    return {
        "examiner": Examiner(voice),
        "solver": Solver(voice),
        "critic": Critic(voice),
        "guide": Guide(voice),
        "teacher": Teacher(voice),
    }
