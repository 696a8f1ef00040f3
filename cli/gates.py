"""The gates at the command line: measures them, and prints a table."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simctl.agents.gates.exam import Exam
from simctl.agents.gates.gate import Gate
from simctl.agents.gates.leaks import leak, skill
from simctl.agents.gates.measure import measure
from simctl.agents.policy.transformers import TransformersSampler
from simctl.bus.quiescence import Quiescence
from simctl.cli.leaks import REHEARSALS, rehearse
from simctl.cli.policies import base
from simctl.store.policies import WEIGHTS, hash_file

QUESTIONS = 300
T = TypeVar("T")


def gates(policy: Path, *, leaks: bool, questions: int = QUESTIONS) -> bool:
    """Measure a policy at its gates and print them; return whether it passes all."""
    console, path = Console(), base(str(policy))
    with console.status("measuring the gates"):
        found = _examine(path, questions, measure)
    if leaks:
        with console.status("rehearsing"):
            found += _leaks(path, questions)
    console.print(_table(found), highlight=False)
    console.print(f"sha256 {hash_file(path / WEIGHTS)}", highlight=False, soft_wrap=True)
    return all(gate.passed for gate in found)


def _leaks(path: Path, questions: int) -> list[Gate]:
    before, found = _examine(path, questions, skill), list[Gate]()
    for name, roles in REHEARSALS.items():
        with TemporaryDirectory() as folder:
            rehearse(path, Path(folder), roles)
            found.append(leak(name, before, _examine(Path(folder), questions, skill)))
    return found


def _examine(path: Path, questions: int, ask: Callable[[Exam], Awaitable[T]]) -> T:
    async def sit() -> T:
        quiescence = Quiescence()
        exam = Exam(TransformersSampler(path, 0, quiescence), questions)
        async with asyncio.TaskGroup() as group:
            helper = group.create_task(quiescence.run())
            answer = await ask(exam)
            helper.cancel()
        return answer

    return asyncio.run(sit())


def _table(found: Sequence[Gate]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("gate", no_wrap=True)
    table.add_column("")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("bound", no_wrap=True)
    table.add_column("")
    table.add_column("measured")
    for gate in found:
        mark = Text("✓", "green") if gate.passed else Text("✗", "red")
        table.add_row(gate.group, gate.name, f"{gate.value:.3f}", gate.bound, mark, gate.detail)
    return table
