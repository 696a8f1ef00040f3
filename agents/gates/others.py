"""G5, the other roles: the guide is right, and the examiner poses what passes the gates."""

from collections.abc import Sequence

from simctl.agents import prompts
from simctl.agents.gates.exam import Exam, share
from simctl.agents.gates.gate import Gate
from simctl.agents.tasks.chain import ChainTasks
from simctl.agents.tasks.classroom import END, demonstration

GUIDE, EXAMINER = 0.90, 0.97
PARENT_LENGTHS = range(1, 9)
_ADDED = (1, 2)  # operations that an extension adds


async def measure(exam: Exam) -> list[Gate]:
    """Measure guide and examiner."""
    return [
        _gate("guide: judgements right", await _guide(exam, "judgement"), GUIDE),
        _gate("guide: hints right", await _guide(exam, "hint"), GUIDE),
        _gate("examiner: new problems valid", await _new(exam), EXAMINER),
        _gate("examiner: extensions valid", await _extensions(exam), EXAMINER),
    ]


def _gate(name: str, verdicts: Sequence[bool], least: float) -> Gate:
    return Gate(group="G5", name=name, value=share(verdicts), least=least)


async def _guide(exam: Exam, kind: str) -> list[bool]:
    rng = exam.dice(kind)
    wanted = [demonstration(kind, rng) for _ in range(exam.questions)]
    said = await exam.greedy([each.prompt for each in wanted])
    return [text + END == each.answer for text, each in zip(said, wanted, strict=True)]


async def _new(exam: Exam) -> list[bool]:
    posed = await exam.sampled([prompts.examiner()] * exam.questions, "new")
    return [ChainTasks({}).check(text).valid for text in posed]


async def _extensions(exam: Exam) -> list[bool]:
    parents = exam.problems("extensions", PARENT_LENGTHS)
    said = await exam.sampled([prompts.examiner(str(each)) for each in parents], "extensions")
    checks = [
        (parent, ChainTasks({}).check(f"{parent}{text}"))
        for parent, text in zip(parents, said, strict=True)
    ]
    return [
        check.valid and check.difficulty - len(parent.operations) in _ADDED
        for parent, check in checks
    ]
