"""What a program can and cannot do to whoever runs it."""

import os
import sys
from pathlib import Path

import pytest

from simctl.agents.tasks.sandbox import Ran, Sandbox, SandboxRefusedError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

SANDBOX = Sandbox(seconds=20)  # on a busy machine
BRIEF = Sandbox(seconds=0.5)
NOTHING = (None, None)


def run(program: str, sandbox: Sandbox = SANDBOX) -> Ran:
    return sandbox.run(program, [1, 2])


def tried(attempt: str) -> Ran:
    """What `f` gives that tries something, and returns 7 if it can be done."""
    return run(f"import os\ndef f(x):\n    {attempt}\n    return 7\n")


def test_the_outputs_of_a_function_come_out():
    assert run("def f(x):\n    return x * 10\n") == Ran(outcome="finished", outputs=(10, 20))


def test_what_stands_in_the_standard_library_of_numbers_can_be_imported():
    assert run("import math, itertools\ndef f(x):\n    return math.comb(4, x)\n").outputs == (4, 6)


@pytest.mark.parametrize("loop", ["while True: pass", "import time; time.sleep(60)"])
def test_a_program_without_end_is_ended(loop: str):
    assert run(loop, BRIEF) == Ran(outcome="late")


def test_a_program_that_leaves_its_group_and_ignores_alarms_is_ended():
    stubborn = "import os, signal, time\nsignal.signal(14, signal.SIG_IGN)\ntime.sleep(60)"
    assert run(stubborn, BRIEF) == Ran(outcome="late")


@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "__import__('_thread').start_new_thread(print, ())",
        "bytearray(1 << 33)",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "open('left-behind', 'w').write('x')",
        "os.mkdir('left-behind')",
        "os.kill(-1, 9)",
        "os.execv('/bin/sh', ['sh'])",
        "__import__('socket')",
        f"open({str(Path(__file__))!r}).read()",
        "f(x)",
    ],
)
def test_what_a_program_must_not_do_raises_in_it(attempt: str):
    assert tried(attempt) == Ran(outcome="finished", outputs=NOTHING)


def test_there_is_no_network_even_by_the_system_call():
    dial = (
        "import sys\n"
        "libc = sys.modules['ctypes'].CDLL(None)\n"
        "def f(x):\n"
        "    s = libc.socket(2, 1, 0)\n"
        "    address = b'\\x02\\x00\\x00\\x16\\x7f\\x00\\x00\\x01' + bytes(8)\n"
        "    return libc.connect(s, address, 16)\n"
    )
    assert run(dial).outputs == (-1, -1)


def test_a_program_gets_no_privileges_back():
    regain = (
        "import sys\n"
        "libc = sys.modules['ctypes'].CDLL(None)\n"
        "def f(x):\n"
        "    return libc.chroot(b'.') + libc.unshare(0x10000000) + libc.setuid(0)\n"
    )
    assert run(regain).outputs == (-3, -3)


def test_a_program_sees_an_empty_folder_and_nobody_else():
    assert run("import os\ndef f(x):\n    return len(os.listdir('/'))\n").outputs == (0, 0)
    assert run("import os\ndef f(x):\n    return os.getppid()\n").outputs == (0, 0)


def test_a_program_sees_no_variable_of_who_runs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET", "42")
    assert run("import os\ndef f(x):\n    return int('SECRET' in os.environ)\n").outputs == (0, 0)


def test_memory_that_grows_is_a_failure():
    assert run("a = []\nwhile True: a.append(bytes(1 << 20))").outcome == "failed"


def test_what_a_program_prints_is_not_its_report():
    assert run("print('{\"outputs\":[7,7]}' * 9999)\ndef f(x):\n    return x\n").outputs == (1, 2)


WRITE = "import os\nfor fd in range(3, 16):\n    try: {}\n    except OSError: pass\n"


def test_a_report_without_end_is_cut_off():
    flood = WRITE.format("any(iter(lambda: os.write(fd, b'x' * 4096) == 0, True))")
    assert run(flood) == Ran(outcome="flooded")


def test_a_program_that_also_writes_the_report_has_failed():
    forged = WRITE.format("os.write(fd, b'{\"outputs\":[7,7]}\\n')")
    assert run(forged + "def f(x):\n    return x\n") == Ran(outcome="failed")


@pytest.mark.parametrize("code", [0, 1, 124, 125])
def test_an_exit_code_says_nothing(code: int):
    ran = run(f"import os\nos._exit({code})")
    assert ran == Ran(outcome="killed" if code else "failed")


@pytest.mark.parametrize(
    "program", ["", "def f(x", "f = 1 / 0", "raise SystemExit", "\0", "\ud800"]
)
def test_a_program_without_the_function_has_failed(program: str):
    assert run(program) == Ran(outcome="failed")


@pytest.mark.parametrize("output", ["'1'", "True", "1.0", "None", "10**100", "[1]"])
def test_only_whole_numbers_are_outputs(output: str):
    assert run(f"def f(x):\n    return {output}\n").outputs == NOTHING


def test_a_platform_that_cannot_lock_in_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxRefusedError, match=r"it is darwin.*they need Linux"):
        SANDBOX.require()


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tried("os.chmod('/', 0)")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names are enough
