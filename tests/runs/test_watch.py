"""Somebody watches a live run from another shell, and leaves it again."""

import os
import pty
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from halt import Halt, learnt
from live import SIMCTL, SMALL, Live, finish, start

pytestmark = pytest.mark.slow
ROUNDS = 5


@dataclass(frozen=True)
class Seen:
    """What a run printed, and what two others saw of it meanwhile."""

    run: str
    lines: str
    lines_code: int
    screen: str
    screen_code: int


def look(run_dir: Path) -> tuple[str, int]:
    """Watch on a terminal until there is a picture, and end that with Ctrl-C."""
    mine, its = pty.openpty()
    with Live([SIMCTL, "watch", run_dir], text=True, stdin=its, stdout=its, stderr=its) as watching:
        os.close(its)
        seen = ""
        while "by round" not in seen:
            seen += os.read(mine, 4096).decode(errors="replace")
        watching.send_signal(signal.SIGINT)
        try:
            while said := os.read(mine, 4096):
                seen += said.decode(errors="replace")
        except OSError:  # that is how a terminal says that nobody writes any more
            pass
        code = watching.wait(120)
    os.close(mine)
    return seen, code


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    run_dir = tmp_path_factory.mktemp("runs") / "watched"
    amid, pipe = Halt(run_dir.with_name("halted"), learnt(1)), subprocess.PIPE
    with (
        amid,
        start(run_dir, sets=[f"run.rounds={ROUNDS}", *SMALL[1:]], env=amid.environment) as run,
    ):
        amid.wait()
        with Live([SIMCTL, "watch", run_dir], text=True, stdout=pipe, stderr=pipe) as watching:
            assert watching.stdout is not None
            first = watching.stdout.readline()  # it has found the run
            screen, code = look(run_dir)
            amid.go_on()
            lines, _ = watching.communicate(timeout=600)
        return Seen(finish(run), first + lines, watching.returncode, screen, code)


def rounds_of(text: str) -> list[str]:
    """Return the rounds that were told, without what a watcher's clock says of them."""
    return re.findall(rf"^round \d+/{ROUNDS} |policy v\d+  reward .+?(?=  )", text, re.MULTILINE)


def test_who_watches_reads_what_the_run_prints(seen: Seen):
    told, watched = rounds_of(seen.run), rounds_of(seen.lines)
    assert watched
    assert told[-len(watched) :] == watched


def test_watching_ends_with_the_run_and_its_summary(seen: Seen):
    assert (seen.lines_code, "Mean reward of each role" in seen.lines) == (0, True)


def test_ctrl_c_ends_the_watching_and_not_the_run(seen: Seen):
    assert (seen.screen_code, "goes on" in seen.screen) == (130, True)
    assert f"round {ROUNDS}/{ROUNDS}" in seen.run


def test_a_terminal_shows_the_picture(seen: Seen):
    words = ("watched", "held-out", "● examiner", "● solver", "by round")
    assert [each for each in words if each not in seen.screen] == []
