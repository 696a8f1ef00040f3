"""The layout holds: links, wheel, sizes, and nothing that belongs to one machine."""

import ast
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.build import build_sdist, build_wheel

import simctl

ROOT = Path(__file__).resolve().parent.parent
CODE = ("agents", "bus", "store", "trainer", "cli")
PACKAGED = (*CODE, "recipes", "experiments")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# a directory of somebody's machine, and the hosts of package registries; neither matches itself
FOREIGN = re.compile(
    r"(?<![\w.~-])/(?:work|root|home|Users|opt)/"
    r"|py[p]i\.org|python[h]osted\.org|download\.py[t]orch\.org|np[m]js\.|ana[c]onda\.org",
)


def files_below(folders: tuple[str, ...]) -> Iterator[Path]:
    """Everything in the folders that was not made by running it."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def python_files() -> Iterator[Path]:
    return (path for path in files_below((*CODE, "tests")) if path.suffix == ".py")


def names_in_wheel(folder: Path) -> set[str]:
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def expected_in_wheel() -> set[str]:
    """Modules, schemas, recipes and the embedded policy: all that the folders hold."""
    inside = {f"simctl/{path.relative_to(ROOT)}" for path in files_below(PACKAGED)}
    return inside | {"simctl/__init__.py", "simctl/py.typed"}


def test_links_lead_to_the_real_folders() -> None:
    links = {name: (ROOT / "src/simctl" / name).readlink().as_posix() for name in PACKAGED}
    assert links == {name: f"../../{name}" for name in PACKAGED}
    assert all((ROOT / name).is_dir() for name in PACKAGED)


def test_the_wheel_holds_all_that_the_folders_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    build_wheel(str(tmp_path))
    inside = {name for name in names_in_wheel(tmp_path) if ".dist-info/" not in name}
    assert expected_in_wheel() == inside


def test_the_sdist_builds_the_same_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    direct, through = tmp_path / "direct", tmp_path / "through"
    build_wheel(str(direct))
    with tarfile.open(tmp_path / build_sdist(str(tmp_path))) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path / f"simctl-{simctl.__version__}")
    build_wheel(str(through))
    assert names_in_wheel(direct) == names_in_wheel(through)


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {path: n for path, n in lengths.items() if n > MAX_FILE_LINES} == {}


def functions_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_60_lines() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in python_files()
        for node in functions_in(path)
    }
    assert {place: n for place, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows its tracked files")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        for match in FOREIGN.finditer(path.read_bytes().decode(errors="ignore"))
    }
    assert found == set()
