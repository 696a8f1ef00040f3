from pathlib import Path

import pytest
import told
from calls import Command, Said

from simctl.cli.main import main
from simctl.cli.recipe import load


@pytest.fixture(scope="session")
def told_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run in a directory of runs."""
    run_dir = tmp_path_factory.mktemp("place") / "runs" / "told-001"
    return told.write(run_dir, load("society", ["run.rounds=3"]))


@pytest.fixture
def simctl(
    told_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command line, called where that run is."""
    monkeypatch.chdir(told_run.parent.parent)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
