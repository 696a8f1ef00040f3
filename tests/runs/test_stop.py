"""Runs that somebody stops: at any moment in words, never with a traceback."""

import signal
import subprocess
from pathlib import Path

import pytest
from live import ask, final_sha256, last_seq, simctl, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
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
    run_dir = tmp_path / "run"
    with start(run_dir) as process:
        wait_for(lambda: last_seq(run_dir) >= 200)
        assert "--resume" in stop(process)
    assert ask(run_dir, "select reason from run_ended") == [{"reason": "interrupted"}]
    assert simctl("run", "--resume", run_dir).returncode == 0
    assert final_sha256(run_dir) == final_sha256(unbroken)


def test_ctrl_c_while_torch_is_loaded_begins_no_run(tmp_path: Path):
    with start(tmp_path / "run") as process:
        wait_for(lambda: uses(process, "libtorch_cpu.so"))
        assert "no run was begun" in stop(process)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_log_is_opened_leaves_it_as_it_was(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"
    with start(run_dir) as process:
        wait_for(lambda: last_seq(run_dir) >= 100)
        process.kill()
    with start(run_dir) as again:
        wait_for(lambda: uses(again, "libtorch_cpu.so") and uses(again, "log.duckdb.wal"))
        assert "--resume" in stop(again)
    assert simctl("run", "--resume", run_dir).returncode == 0
    assert final_sha256(run_dir) == final_sha256(unbroken)
