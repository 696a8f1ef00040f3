"""Dialogues: how chat models are asked, by templates, and how their answers are read.

What is read is what the family writes: a critique becomes a mark for each right step, then the mark
of a fault and the step as it should be; a judgement becomes its mark. An answer that does not hold
what was asked for stays as it is, with the reason why.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from simctl.agents.forms.fields import UnreadError, field, without_thoughts
from simctl.agents.forms.form import Question, Reading, Turn
from simctl.agents.policy.sampler import Dialogue
from simctl.agents.tasks.verdicts import CLEAN, DEGENERATE, RIGHT, WRONG
from simctl.bus.asks import Role

TEMPLATES: dict[str, dict[str, str]] = tomllib.loads(
    files("simctl.agents.forms").joinpath("templates.toml").read_text(encoding="utf-8")
)
SPEAKERS: Mapping[Turn, Role] = {
    "pose": "examiner",
    "extend": "examiner",
    "plant": "examiner",
    "solve": "solver",
    "hinted": "solver",
    "revise": "solver",
    "act": "solver",
    "criticise": "critic",
    "value": "critic",
    "judge": "guide",
    "hint": "guide",
    "check": "teacher",
    "teach": "teacher",
    "remind": "teacher",
    "retell": "teacher",
}
_ANSWERED = re.compile(r"\\boxed\{|####|\banswer\b[*_` ]*(?:is|:)", re.IGNORECASE)
_LINE = "\n"
_PLACE = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Chat:
    """Asks by templates: `system` by role, `user` by turn; `options` are the chat template's."""

    system: Mapping[str, str]
    user: Mapping[str, str]
    problems: str = ""
    solutions: str = ""
    options: tuple[tuple[str, bool | int | str], ...] = ()

    @property
    def accepting(self) -> str:
        """The answer to `value` of which the probability is the value."""
        return "Yes"

    def put(self, question: Question) -> Dialogue:
        """Return the dialogue of a question."""
        turn = question.turn
        words = {
            "problem": question.problem,
            "attempt": question.attempt,
            "partial": question.partial,
            "seen": said_of(question.seen) if turn in {"revise", "remind"} else question.seen,
            "history": question.history,
            "problems": self.problems,
            "solutions": self.solutions,
        }
        begun = question.partial if turn in {"solve", "plant"} else ""
        system = _filled(self.system[SPEAKERS[turn]], words)
        return Dialogue(system, _filled(self.user[turn], words), begun, self.options)

    def read(self, question: Question, said: str) -> Reading:
        """Return what was said as the family writes it."""
        try:
            answer = without_thoughts(said)
            reader = _READERS.get(question.turn)
            return Reading(reader(question, answer) if reader else answer)
        except UnreadError as error:
            return Reading(said.strip(), str(error))


def said_of(critique: str) -> str:
    """Return in words what the marks of a critique say; other words stay as they are."""
    right, fault, correction = critique.partition(WRONG)
    if right.strip(RIGHT) or not critique:
        return critique
    if not fault:
        return "All of it is right."
    known = f"The first {len(right)} steps are right. " if right else ""
    mended = f" It should be: {correction}" if correction else ""
    return f"{known}Step {len(right) + 1} is wrong.{mended}" if known or mended else "It is wrong."


def _problem(question: Question, said: str) -> str:
    """Return a problem, or what follows the parent in the whole of a harder one."""
    whole = _line(field(said, "Problem"))
    if not whole.startswith(question.problem):
        raise UnreadError("it does not begin with the problem to extend")
    return whole.removeprefix(question.problem)


def _line(text: str) -> str:
    return " ".join(text.split())


def _critique(_: Question, said: str) -> str:
    others = ("Verdict", "Step", "Correction")
    verdict = field(said, "Verdict", *others).lower()
    if re.match(r"\W*(?:right|correct|true|yes)\b", verdict):
        return RIGHT
    if not re.match(r"\W*(?:wrong|incorrect|false|no)\b", verdict):
        raise UnreadError(f"the verdict is neither right nor wrong: {verdict[:40]!r}")
    found = re.search(r"\d{1,3}", field(said, "Step", *others))
    if found is None:
        raise UnreadError("the step that is wrong has no number")
    right = RIGHT * (max(int(found[0]), 1) - 1)
    try:
        correction = _line(field(said, "Correction", *others))
    except UnreadError:
        correction = ""
    return f"{right}{WRONG}{correction}"


def _judgement(_: Question, said: str) -> str:
    words = set(re.findall(r"[a-z]+", said.lower()))
    if ("proper" in words) == ("degenerate" in words):
        raise UnreadError("neither 'proper' nor 'degenerate', or both")
    return CLEAN if "proper" in words else DEGENERATE


def _step(question: Question, said: str) -> str:
    """Return the step as a line that can follow the right beginning."""
    partial, step = question.partial, field(said, "Step").splitlines()[0].strip()
    return f"{'' if not partial or partial.endswith(_LINE) else _LINE}{step}{_LINE}"


def _solution(question: Question, said: str) -> str:
    if not _ANSWERED.search(question.partial + said):
        raise UnreadError("no 'answer' in it")
    return said


_READERS: Mapping[Turn, Callable[[Question, str], str]] = {
    "pose": _problem,
    "extend": _problem,
    "criticise": _critique,
    "check": _critique,
    "judge": _judgement,
    "hint": _step,
    "solve": _solution,
    "hinted": _solution,
    "revise": _solution,
    "teach": _solution,
    "remind": _solution,
    "retell": _solution,
}


def _filled(template: str, words: Mapping[str, Any]) -> str:
    """Return a template with its words; braces around anything else are the template's own."""
    return _PLACE.sub(lambda at: str(words.get(at[1], at[0])), template)
