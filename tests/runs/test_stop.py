"""Runs that somebody stops: at any moment in words, never with a traceback."""

import signal
import subprocess
from pathlib import Path

import pytest
from halt import Halt, learnt
from live import ask, final_sha256, simctl, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def stop(process: subprocess.Popen[str], halt: Halt) -> str:
    process.send_signal(signal.SIGINT)
    halt.go_on()  # whoever stands still hears nothing
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert "interrupted:" in output
    return output


def uses(process: subprocess.Popen[str], file: str) -> bool:
    """Whether a process has a file in memory or open."""
    proc = Path("/proc") / str(process.pid)
    opened = map(target, (proc / "fd").iterdir())
    return file in (proc / "maps").read_text() or any(path.endswith(file) for path in opened)


def target(handle: Path) -> str:
    """Return what a handle of another process leads to; nothing if it was closed meanwhile."""
    try:
        return str(handle.readlink())
    except FileNotFoundError:
        return ""


def test_ctrl_c_ends_a_run_with_a_summary_and_it_can_go_on(unbroken: Path, tmp_path: Path):
    run_dir, amid = tmp_path / "run", Halt(tmp_path / "halted", learnt(2))
    with amid, start(run_dir, env=amid.environment) as process:
        amid.wait()
        assert "--resume" in stop(process, amid)
    assert ask(run_dir, "select reason from run_ended") == [{"reason": "interrupted"}]
    assert simctl("run", "--resume", run_dir).returncode == 0
    assert final_sha256(run_dir) == final_sha256(unbroken)


def test_ctrl_c_while_torch_is_loaded_begins_no_run(tmp_path: Path):
    run_dir, amid = tmp_path / "runs" / "run", Halt(tmp_path / "halted", "import torch.nn")
    run_dir.parent.mkdir()
    with amid, start(run_dir, env=amid.environment) as process:
        amid.wait()
        assert uses(process, "libtorch_cpu.so")
        assert "no run was begun" in stop(process, amid)
    assert list(run_dir.parent.iterdir()) == []


def test_ctrl_c_while_a_log_is_opened_leaves_it_as_it_was(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"
    early, late = (Halt(tmp_path / f"halted-{each}", learnt(each)) for each in (1, 2))
    with early, start(run_dir, env=early.environment) as process:
        early.wait()
        process.kill()
    with late, start(run_dir, env=late.environment) as again:  # it is not over before Ctrl-C
        wait_for(lambda: uses(again, "libtorch_cpu.so") and uses(again, "log.duckdb.wal"))
        assert "--resume" in stop(again, late)
    assert simctl("run", "--resume", run_dir).returncode == 0
    assert final_sha256(run_dir) == final_sha256(unbroken)
