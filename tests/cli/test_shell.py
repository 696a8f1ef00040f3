"""`simctl query --interactive`, driven as a user drives it."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SIMCTL = [sys.executable, "-c", "from simctl.cli.main import main; main()"]
_ENDLESS = "select count(*) from range(10000000) a, range(10000000) b where (a.range ^ b.range) = 3"


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, run: Path, state: Path) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*SIMCTL, "query", run, "--interactive"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb", "COLUMNS": "200"},
            start_new_session=True,
            # the first terminal that a session opens is its own, and Ctrl-C there interrupts it
            preexec_fn=lambda: os.close(os.open(os.ttyname(slave), os.O_RDWR)),  # noqa: PLW1509
        )
        os.close(slave)
        self.wait_for("simctl> ")

    def type(self, keys: str, until: str = "simctl> ") -> str:
        """Press keys, and return what is shown until the next prompt."""
        os.write(self._master, keys.encode())
        return self.wait_for(until)

    def interrupt(self) -> str:
        """Press Ctrl-C, again if unheard: readline loses one between its prompt and its wait."""
        os.write(self._master, b"\x03")
        return self.wait_for("simctl> ", nudge=b"\x03")

    def wait_for(self, text: str, nudge: bytes = b"") -> str:
        shown = ""
        while not shown.endswith(text):
            if nudge and not select.select([self._master], [], [], 10)[0]:
                os.write(self._master, nudge)
                continue
            try:
                shown += os.read(self._master, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(shown) from None
        return shown.replace("\r", "")

    def close(self) -> int:
        os.write(self._master, b"\x04")
        code = self.process.wait(timeout=300)
        os.close(self._master)
        return code


@pytest.fixture
def terminal(told_run: Path, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(told_run, tmp_path)
    yield opened
    opened.process.kill()
    opened.process.wait()


def test_a_question_ends_with_its_semicolon(terminal: Terminal):
    assert "   ...> " in terminal.type("select count(*) as n\n", "   ...> ")
    assert " 12 " in terminal.type("from attempts;\n")


def test_ctrl_c_forgets_the_line_and_ctrl_d_leaves(terminal: Terminal):
    terminal.type("select nothing\n", "   ...> ")
    terminal.interrupt()
    assert " 7 " in terminal.type("select 3 + 4;\n")
    assert terminal.close() == 0


def test_ctrl_c_stops_a_query_and_not_the_shell(terminal: Terminal):
    terminal.type(f"{_ENDLESS};\n", "\n")
    terminal.interrupt()
    assert " 7 " in terminal.type("select 3 + 4;\n")


def test_an_error_is_one_line(terminal: Terminal):
    shown = terminal.type("select foo from tasks;\n").splitlines()
    assert [line for line in shown if "error" in line] == [shown[1]]
    assert 'column "foo" not found' in shown[1]
    assert "Traceback" not in "".join(shown)


def test_tab_completes_what_can_be_asked(terminal: Terminal):
    assert "learning_curve" in terminal.type("select count(*) from learning_c\t", "learning_curve")
    assert "count_star()" in terminal.type(";\n")


def test_it_tells_what_can_be_asked(terminal: Terminal):
    assert "learning_curve" in terminal.type(".tables\n")
    assert "seq of the attempt" in terminal.type(".schema attempts\n")
    assert "Chance that one of k" in terminal.type(".schema pass_at_k\n")
    assert "told-001" in terminal.type(".run\n")
    assert ".help lists them" in terminal.type(".nonsense\n")


def test_what_was_asked_is_remembered(terminal: Terminal, told_run: Path, tmp_path: Path):
    terminal.type("select 41 + 1 as answer;\n")
    terminal.close()
    again = Terminal(told_run, tmp_path)
    assert "42" in again.type("\x1b[A\n")
    assert again.close() == 0


def piped(run: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SIMCTL, "query", run, "-i", "-f", "csv"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_answers_what_is_piped(told_run: Path):
    said = piped(told_run, "select 1 as a;\nselect 2\nas b;\nselect 3 as c")
    assert (said.returncode, said.stdout) == (0, "a\n1\nb\n2\nc\n3\n")


def test_what_is_piped_ends_at_the_first_error(told_run: Path):
    said = piped(told_run, "select 1 as a;\nselec;\nselect 3 as c;\n")
    assert (said.returncode, said.stdout) == (2, "a\n1\n")
    assert said.stderr.startswith("error: Parser Error")
