"""The shell of `simctl query --interactive`: one question after another, of one run."""

import os
import readline
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from simctl.cli.errors import UserError
from simctl.cli.formats import Format
from simctl.cli.opening import open_current
from simctl.cli.query import FRIENDLY, friendly, told, write
from simctl.cli.runs import find_run
from simctl.cli.tables import console
from simctl.store.client import RemoteLog
from simctl.store.dictionary import EVERYTHING
from simctl.store.errors import StoreError
from simctl.store.finished import FinishedLog

_HELP = """A question is SQL up to a semicolon, over as many lines as it needs.
.tables         what can be asked
.schema [NAME]  the columns of a view, or how a macro is called; without a name the whole dictionary
.run [RUN]      which run is asked, or ask another
.quit           leave, as Ctrl-D does; Ctrl-C stops a query or forgets the line"""
_WORDS = """
SELECT table_name AS word FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()
UNION SELECT column_name FROM duckdb_columns() WHERE NOT internal
UNION SELECT function_name FROM duckdb_functions() WHERE NOT internal
UNION SELECT keyword_name FROM duckdb_keywords() ORDER BY word
"""
_LONGEST = 2000  # lines of history


def ask(words: Sequence[str], format_: Format, runs_dir: Path) -> None:
    """Answer what is asked until the end of the input.

    Raises:
        UserError, QueryError: something is wrong, and nobody is at the terminal to mend it.
    """
    run, sql = told(words, runs_dir)
    if sql:
        raise UserError(f"--interactive takes a run and no SQL: {sql!r}")
    if format_ is Format.parquet:
        raise UserError("parquet is no text for a terminal: leave --interactive out")
    shell = Shell(find_run(run, runs_dir), format_, runs_dir, attended=sys.stdin.isatty())
    if shell.attended:
        with _History():
            shell.greet()
            shell.run()
    else:
        shell.run()


class Shell:
    """Questions to one run."""

    def __init__(self, path: Path, format_: Format, runs_dir: Path, *, attended: bool) -> None:
        """Ask the run at `path`; `attended` is somebody at a terminal."""
        self.attended = attended
        self._format = format_
        self._runs_dir = runs_dir
        self._path = path
        self._log: RemoteLog | FinishedLog = open_current(path)
        self._begun: list[str] = []  # the lines of a question without its semicolon
        self._words: list[str] = []

    def greet(self) -> None:
        """Say who is asked, and prepare to complete words."""
        live = "live" if isinstance(self._log, RemoteLog) else "finished"
        events = self._log.last_seq
        console().print(f"{self._path} ({live}, {events} events). .help says what can be done.")
        self._words = [row["word"] for row in self._log.query(_WORDS).to_pylist()]
        readline.set_completer(self.complete)
        readline.set_completer_delims(" \t\n,;()'\"=<>+-*/")
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")

    def run(self) -> None:
        """Take line after line."""
        try:
            while self._goes_on():
                pass
            if self._begun:
                self._attempt(";")
        finally:
            self._log.close()
        if self.attended:
            sys.stdout.write("\n")

    def _goes_on(self) -> bool:
        """Take the next line; return False when there is none."""
        try:
            line = input(self._prompt())
            if line.strip() == ".quit" and not self._begun:
                return False
            self._attempt(line)
        except EOFError:
            return False
        except KeyboardInterrupt:  # of a line, or of a query: the shell goes on
            self._begun.clear()
            sys.stdout.write("\n")
        return True

    def complete(self, text: str, state: int) -> str | None:
        """Return the word number `state` that goes on from `text`."""
        found = [word for word in self._words if word.lower().startswith(text.lower())]
        return found[state] if state < len(found) else None

    def _prompt(self) -> str:
        if not self.attended:
            return ""
        return "   ...> " if self._begun else "simctl> "

    def _attempt(self, line: str) -> None:
        try:
            self._take(line)
        except (StoreError, UserError) as error:
            if not self.attended:
                raise
            sys.stdout.write(f"error: {str(error).splitlines()[0]}\n")

    def _take(self, line: str) -> None:
        if not self._begun and line.lstrip().startswith("."):
            self._command(*line.split(maxsplit=1))
        elif line.strip() or self._begun:
            self._begun.append(line)
            if line.rstrip().endswith(";"):
                sql = "\n".join(self._begun)
                self._begun.clear()
                self._answer(sql)

    def _command(self, name: str, about: str = "") -> None:
        match name, about.strip():
            case ".help", _:
                console().print(_HELP, highlight=False)
            case ".tables", _:
                write(friendly(self._log.query(FRIENDLY)), self._format, None)
            case ".schema", "":
                write(self._log.query(EVERYTHING), self._format, None)
            case ".schema", view:
                self._answer(f"describe {view}")
            case ".run", "":
                console().print(str(self._path), highlight=False)
            case ".run", run:
                self._move(find_run(run, self._runs_dir))
            case _:
                raise UserError(f"{name} is no command: .help lists them")

    def _move(self, path: Path) -> None:
        log = open_current(path)
        self._log.close()
        self._log, self._path = log, path

    def _answer(self, sql: str) -> None:
        answered: Future[pa.Table] = Future()
        threading.Thread(target=self._ask, args=(sql, answered), daemon=True).start()
        try:
            table = answered.result()
        except KeyboardInterrupt:
            self._log.stop()
            raise
        write(table, self._format, None)

    def _ask(self, sql: str, answered: Future[pa.Table]) -> None:
        try:
            answered.set_result(self._log.query(sql))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            answered.set_exception(error)


class _History:
    """The lines of earlier times, in a file of the user's."""

    def __init__(self) -> None:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        self._file = Path(state) / "simctl" / "query_history"

    def __enter__(self) -> None:
        with suppress(OSError):
            readline.read_history_file(self._file)

    def __exit__(self, *_: object) -> None:
        readline.set_history_length(_LONGEST)
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(self._file)
