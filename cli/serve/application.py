"""The application: the page's files, and what the page asks about runs, as JSON.

Each answer is read from the log when it is asked; nothing here remembers a run. A run is named by
`run`, and a log is open no longer than a question takes, so that a run can be resumed meanwhile.
"""

import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from simctl.bus.errors import SimctlError
from simctl.cli.cut import Log
from simctl.cli.health import report
from simctl.cli.runs import RECIPE_FILE
from simctl.cli.serve.asking import ask, askable
from simctl.cli.serve.course import curves, numbers, rounds, solves
from simctl.cli.serve.differing import differing
from simctl.cli.serve.lender import Lender
from simctl.cli.serve.overview import Overview, head
from simctl.cli.serve.reading import episode, episodes, event
from simctl.cli.serve.shelf import Shelf
from simctl.cli.serve.society import exchanges, flows
from simctl.cli.serve.weights import signals, version
from simctl.store.errors import LogBusyError, OwnerGoneError

PAGE = Path(str(files("simctl.cli.serve"))) / "page"
_WRONG = 400
_PATIENCE, _PAUSE = 20.0, 0.1  # seconds: that a log may change hands, and between two tries


class Question(BaseModel):
    """What a page may ask of a run: each part reads what it needs."""

    run: str = ""
    after: int = 0
    until: int = 0
    round: int = 0
    seq: int = 0
    version: int = 0
    episode: str = ""
    seqs: str = ""
    teacher: bool = False
    other: str = ""
    sql: str = ""

    @property
    def events(self) -> list[int]:
        """The seqs that are asked about."""
        return [int(seq) for seq in self.seqs.split(",") if seq]


Answer = Callable[[Question], Any]


class Desk:
    """Answers what the page asks."""

    def __init__(self, shelf: Shelf, lender: Lender) -> None:
        """Answer about the runs on `shelf`, from the logs that `lender` lends."""
        self._shelf = shelf
        self._lender = lender
        self._overview = Overview()

    @property
    def answers(self) -> dict[str, Answer]:
        """What can be asked, by name."""
        return {
            "runs": self._runs,
            "head": lambda q: head(q.run, self._path(q), self._lender.lend),
            "recipe": lambda q: (self._path(q) / RECIPE_FILE).read_text(encoding="utf-8"),
            "rounds": self._of_log(lambda log, _: rounds(log)),
            "curves": self._of_log(lambda log, _: curves(log)),
            "numbers": self._of_log(lambda log, _: numbers(log)),
            "solves": self._of_log(lambda log, _: solves(log)),
            "flows": self._of_log(lambda log, q: flows(log, q.after, q.until or log.last_seq)),
            "exchanges": self._of_log(lambda log, q: exchanges(log, q.until or log.last_seq)),
            "episodes": self._of_log(lambda log, q: episodes(log, q.round)),
            "episode": self._of_log(lambda log, q: episode(log, self._path(q), q.episode)),
            "event": self._of_log(lambda log, q: event(log, self._path(q), q.seq)),
            "signals": self._of_log(self._signals),
            "version": self._of_log(lambda log, q: version(log, q.version)),
            "health": self._of_log(lambda log, q: report(self._path(q), log)),
            "askable": self._of_log(lambda log, _: askable(log)),
            "sql": self._of_log(lambda log, q: ask(log, q.sql)),
            "differing": self._differing,
        }

    def _runs(self, _: Question) -> list[dict[str, Any]]:
        lend = self._lender.lend
        return [self._overview.card(name, path, lend) for name, path in self._shelf.runs.items()]

    def _signals(self, log: Log, question: Question) -> dict[int, Any]:
        path, seqs = self._path(question), question.events
        return signals(log, path, question.round, seqs, teacher=question.teacher)

    def _differing(self, question: Question) -> dict[str, Any]:
        names = (question.run, question.other)
        return differing([self._shelf.find(name) for name in names], names, self._lender.lend)

    def _path(self, question: Question) -> Path:
        return self._shelf.find(question.run)

    def _of_log(self, answer: Callable[[Log, Question], Any]) -> Answer:
        def answered(question: Question) -> Any:
            with self._lender.lend(self._path(question)) as log:
                return answer(log, question)

        return answered


def application(shelf: Shelf, lender: Lender) -> Starlette:
    """Return the page and its answers, for the runs on `shelf`."""
    routes = [
        Route(f"/api/{name}", _endpoint(answer), methods=["POST"] if name == "sql" else ["GET"])
        for name, answer in Desk(shelf, lender).answers.items()
    ]
    return Starlette(
        routes=[*routes, Mount("/", StaticFiles(directory=PAGE, html=True))],
        exception_handlers={
            SimctlError: _refuse,
            OSError: _refuse,
            ValidationError: _misread,
        },
    )


def _endpoint(answer: Answer) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        given = await request.json() if request.method == "POST" else request.query_params
        question = Question.model_validate(dict(given))
        return _json(await run_in_threadpool(_patiently, answer, question))

    return endpoint


def _patiently(answer: Answer, question: Question) -> Any:
    """Return the answer, though the process that plays the run may end, or another begin."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return answer(question)
        except (LogBusyError, OwnerGoneError):
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)  # nothing of another process could be waited on


async def _refuse(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, _WRONG)


async def _misread(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    [wrong, *_more] = error.errors()
    place = ".".join(str(part) for part in wrong["loc"])
    return _json({"error": f"{place} is {wrong['input']!r}: {wrong['msg']}"}, _WRONG)


def _json(value: Any, status: int = 200) -> Response:
    body = to_json(value, inf_nan_mode="null", serialize_unknown=True)
    return Response(body, status, media_type="application/json")
