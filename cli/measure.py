"""Measures a policy on held-out problems."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.table import Table

from simctl.agents.evaluation import Suite, evaluate
from simctl.agents.inference import AnyMode
from simctl.bus.messages import PolicyEvaluated
from simctl.bus.quiescence import Quiescence
from simctl.cli.candidate import Candidate, candidate
from simctl.cli.errors import UserError
from simctl.cli.figures import count, share
from simctl.cli.keys import nearest
from simctl.cli.mistakes import mistakes
from simctl.cli.overrides import value_of
from simctl.cli.serving import form_of, held, serve
from simctl.cli.tables import console, table


def measure(  # noqa: PLR0913 - what a command line may say
    policy: str,
    version: int | None,
    *,
    suites: Sequence[str],
    modes: Sequence[str],
    attempts: int | None,
    seed: int,
    runs_dir: Path,
) -> None:
    """Measure a policy, and print a table.

    Raises:
        UserError: there is no such policy, version, suite or mode, or the policy cannot be loaded.
    """
    found = candidate(policy, version, runs_dir)
    chosen = _in_modes(_chosen(found.recipe.suite, suites, attempts), [mode(m) for m in modes])
    screen = console()
    with screen.status(f"measuring {found.path}"):
        measured = asyncio.run(_measure(found, chosen, seed))
    screen.print(f"policy {found.path}", style="bold", highlight=False, soft_wrap=True)
    shown = _side_by_side(chosen, measured) if modes else _table(measured)
    screen.print(shown, highlight=False)


def mode(text: str) -> AnyMode:
    """Return the mode that `KIND[:KEY=VALUE,...]` names.

    Raises:
        UserError: there is none, or it has no such setting.
    """
    kind, _, settings = text.partition(":")
    pairs = [each.partition("=") for each in settings.split(",") if each]
    told = {key.strip(): value_of(value.strip()) for key, _, value in pairs}
    suite = {"name": "", "difficulty": 1, "mode": {"kind": kind, **told}}
    try:
        return Suite.model_validate_json(json.dumps(suite, default=str), strict=True).mode
    except ValidationError as error:
        found = [f"--mode {text}: {each}" for each in mistakes(error, Suite)]
        raise UserError("\n".join(found)) from error


def _in_modes(suites: Sequence[Suite], modes: Sequence[AnyMode]) -> list[Suite]:
    if not modes:
        return list(suites)
    return [suite.model_copy(update={"mode": each}) for suite in suites for each in modes]


def _chosen(suites: Sequence[Suite], wanted: Sequence[str], attempts: int | None) -> list[Suite]:
    names = [suite.name for suite in suites]
    for name in wanted:
        if name not in names:
            raise UserError(
                f"there is no suite {name}; there are: {', '.join(nearest(name, names))}"
            )
    change = {} if attempts is None else {"attempts": attempts}
    return [s.model_copy(update=change) for s in suites if not wanted or s.name in wanted]


async def _measure(found: Candidate, suites: Sequence[Suite], seed: int) -> list[PolicyEvaluated]:
    quiescence = Quiescence()
    sampler = serve(found.recipe, found.path, found.version, quiescence, ["solver"])
    environment, form = found.recipe.environment(), form_of(found.recipe, found.path)
    with held(sampler):
        async with asyncio.TaskGroup() as group:
            helper = group.create_task(quiescence.run())
            measured = [await evaluate(suite, environment, sampler, seed, form) for suite in suites]
            helper.cancel()
    return measured


def _side_by_side(suites: Sequence[Suite], measured: Sequence[PolicyEvaluated]) -> Table:
    """Return a row for each score, with the tokens that one answer takes."""
    scored = table("suite", "mode", numbers=("problems", "solved", "tokens per problem"))
    for suite, each in zip(suites, measured, strict=True):
        # the bare solver answers greedily once, and so often at temperature 1
        answers = 1 + suite.attempts if suite.mode.kind == "single" else 1
        cost = f"{each.tokens / each.problems / answers:.1f}"
        for name, score in each.scores.items():
            scored.add_row(
                each.suite, _title(suite.mode, name), str(each.problems), share(score), cost
            )
    return scored


def _title(chosen: AnyMode, score: str) -> str:
    """Return what a row is called: the score, and the settings that are not the default."""
    told = chosen.model_dump(exclude_defaults=True, exclude={"kind"})
    return " ".join([score, *(f"{key}={value}" for key, value in told.items())])


def _table(measured: Sequence[PolicyEvaluated]) -> Table:
    names = list(dict.fromkeys(name for each in measured for name in each.scores))
    scored = table("suite", numbers=("problems", *names, "tokens"))
    for each in measured:
        scores = (share(each.scores.get(name)) for name in names)
        scored.add_row(each.suite, str(each.problems), *scores, count(each.tokens))
    return scored
