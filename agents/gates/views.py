"""G1, views matter: the teacher gains by a true view, and not by one that tells it nothing."""

from collections import defaultdict
from collections.abc import Sequence

from simctl.agents import prompts
from simctl.agents.gates.exam import Exam
from simctl.agents.gates.gate import Gate
from simctl.agents.tasks.chain import Problem, critique_of, solve

LENGTHS = range(6, 11)
GAIN = 0.30  # least gain in accuracy by the true view


async def measure(exam: Exam) -> list[Gate]:
    """Compare the true view with a blank and with another problem's, of both kinds."""
    problems = exam.problems("views", LENGTHS)
    attempts = await exam.attempts(problems, "views")
    critiques = [critique_of(*pair) for pair in zip(problems, attempts, strict=True)]
    swap = _shuffled(problems)
    references = [solve(problem) for problem in problems]
    checks = [prompts.critic(str(p), a) for p, a in zip(problems, attempts, strict=True)]
    own = await exam.greedy(checks)
    blank = [""] * len(problems)
    reference_views = {
        "true": [references],
        "blank": [blank],
        "shuffled": [[references[at] for at in swap]],
    }
    critique_views = {
        "true": [attempts, critiques],
        "blank": [attempts, blank],
        "shuffled": [attempts, [critiques[at] for at in swap]],
        "own": [attempts, own],
    }
    of_reference = await _accuracies(exam, problems, reference_views)
    of_critique = await _accuracies(exam, problems, critique_views)
    return [*_gains("reference", of_reference), *_gains("critique", of_critique)]


async def _accuracies(
    exam: Exam, problems: Sequence[Problem], views: dict[str, list[list[str]]]
) -> dict[str, float]:
    accuracies: dict[str, float] = {}
    for name, parts in views.items():
        shown = zip(problems, zip(*parts, strict=True), strict=True)
        asked = [prompts.teacher(str(problem), *view) for problem, view in shown]
        accuracies[name] = await exam.accuracy(problems, asked)
    return accuracies


def _gains(view: str, accuracy: dict[str, float]) -> list[Gate]:
    told = ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items())
    return [
        Gate(
            group="G1",
            name=f"{view}: true minus {other}",
            value=round(accuracy["true"] - accuracy[other], 6),
            least=GAIN,
            detail=told,
        )
        for other in ("blank", "shuffled")
    ]


def _shuffled(problems: Sequence[Problem]) -> list[int]:
    """Return for each problem the place of another one of its length, where there is one."""
    alike: dict[int, list[int]] = defaultdict(list)
    for at, problem in enumerate(problems):
        alike[len(problem.operations)].append(at)
    others: dict[int, int] = {}
    for places in alike.values():
        others.update(zip(places, places[1:] + places[:1], strict=True))
    return [others[at] for at in range(len(problems))]
