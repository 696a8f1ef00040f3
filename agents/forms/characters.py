"""The character formats of the embedded policy: terse, and read as they stand."""

from simctl.agents import prompts
from simctl.agents.forms.form import Question, Reading
from simctl.agents.tasks.verdicts import RIGHT


class Characters:
    """Asks in the formats of `agents/prompts.py`. Whatever is said is an answer."""

    accepting = RIGHT

    def put(self, question: Question) -> str:  # noqa: C901, PLR0911 - one line a turn
        """Return the prompt of a question."""
        problem, seen = question.problem, question.seen
        match question.turn:
            case "pose" | "extend":
                return prompts.examiner(problem)
            case "plant":
                return prompts.saboteur(problem, question.partial)
            case "solve":
                return prompts.solver(problem, question.partial)
            case "hinted":
                return prompts.hinted(problem, seen)
            case "revise":
                return prompts.reviser(problem, question.attempt, seen)
            case "act":
                return prompts.actor(problem, question.history)
            case "criticise" | "check":
                return prompts.critic(problem, question.attempt, seen)
            case "value":
                return prompts.value(problem, question.partial)
            case "judge" | "hint":
                return prompts.guide(problem, question.partial)
            case "teach" | "retell":
                return prompts.teacher(problem, seen)
            case "remind":
                return prompts.teacher(problem, question.attempt, seen)

    def read(self, question: Question, said: str) -> Reading:  # noqa: ARG002 - all are read alike
        """Return what was said, as it stands."""
        return Reading(said)


CHARACTERS = Characters()
