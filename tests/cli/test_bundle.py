"""`simctl bundle` and `simctl open`: a run in one file, the same on the other side."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from calls import Command

from simctl.store.duck import DuckLog
from simctl.store.finished import FinishedLog
from simctl.store.policies import WEIGHTS, PolicyState, PolicyStore
from simctl.store.server import Endpoint

Members = dict[str, bytes]


@pytest.fixture
def run_dir(told_run: Path, tmp_path: Path) -> Path:
    """A copy of the told run with policies of its own."""
    run = shutil.copytree(told_run, tmp_path / told_run.name)
    policies = PolicyStore(run / "policies")
    for version in (0, 4, 5):  # no version that the log announces, with weights of its own
        text = f"weights {version}"
        policies.commit(
            version, lambda place, text=text: _weights(place, text), PolicyState(version=version)
        )
    return run


def _weights(place: Path, text: str) -> None:
    (place / WEIGHTS).write_text(text)
    (place / "optimizer.pt").write_text(text)
    (place / "adapter").mkdir()
    (place / "adapter" / "optimizer.pt").write_text(text)


@pytest.fixture
def bundle(simctl: Command, run_dir: Path) -> Path:
    file = run_dir.with_name("told.simctl")
    said = simctl("bundle", run_dir, "-o", file)
    assert (said.code, said.err) == (0, "")
    assert str(file) in said.out
    return file


def members(file: Path) -> Members:
    with tarfile.open(file) as tar:
        found = ((each.name, tar.extractfile(each)) for each in tar)
        return {name: content.read() for name, content in found if content is not None}


def rewrite(file: Path, change: Callable[[Members], None]) -> None:
    inside = members(file)
    change(inside)
    with tarfile.open(file, "w") as tar:
        for name, content in inside.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def state(simctl: Command, run: Path) -> list[str]:
    said = simctl("replay", run)
    assert said.code == 0
    return [line.rstrip() for line in said.out.splitlines() if line.startswith(("chain", "state"))]


def test_an_opened_run_has_the_state_of_the_bundled_one(
    simctl: Command, run_dir: Path, bundle: Path, tmp_path: Path
):
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert (said.code, said.err) == (0, "")
    assert state(simctl, tmp_path / "opened") == state(simctl, run_dir)
    assert simctl("store", "check", tmp_path / "opened").code == 0
    asked = "select * from grades"
    assert simctl("query", tmp_path / "opened", asked).out == simctl("query", run_dir, asked).out


def test_an_opened_run_is_named_after_its_bundle(simctl: Command, bundle: Path, tmp_path: Path):
    elsewhere = ("--runs-dir", tmp_path / "other-runs")
    assert simctl("open", bundle, *elsewhere).code == 0
    assert simctl("store", "check", "told", *elsewhere).code == 0
    again = simctl("open", bundle, *elsewhere)
    assert (again.code, "overwrites nothing" in again.err) == (2, True)


def test_a_bundle_overwrites_nothing(simctl: Command, run_dir: Path, bundle: Path):
    before = bundle.read_bytes()
    said = simctl("bundle", run_dir, "-o", bundle)
    assert (said.code, "overwrites nothing" in said.err) == (2, True)
    assert bundle.read_bytes() == before


@pytest.mark.parametrize(
    ("choice", "versions"), [("all", {0, 4, 5}), ("ends", {0, 4, 5}), ("none", set[int]())]
)
def test_a_bundle_takes_the_chosen_versions_along(
    simctl: Command, run_dir: Path, tmp_path: Path, choice: str, versions: set[int]
):
    simctl("bundle", run_dir, "-o", tmp_path / "b.simctl", "--policies", choice)
    assert simctl("open", tmp_path / "b.simctl", "--run-dir", tmp_path / "opened").code == 0
    assert set(PolicyStore(tmp_path / "opened" / "policies").versions()) == versions


def test_the_last_version_comes_with_all_that_its_trainer_needs(
    simctl: Command, bundle: Path, tmp_path: Path
):
    simctl("open", bundle, "--run-dir", tmp_path / "opened")
    last = tmp_path / "opened" / "policies" / "v000005"
    for place in (last, last / "adapter"):
        assert (place / "optimizer.pt").read_text() == "weights 5"
    PolicyStore(tmp_path / "opened" / "policies").verify(5)


def test_the_same_run_gives_the_same_bundle(simctl: Command, run_dir: Path, bundle: Path):
    other = bundle.with_name("other.simctl")
    simctl("bundle", run_dir, "-o", other)
    assert other.read_bytes() == bundle.read_bytes()


def test_a_live_run_can_be_bundled(simctl: Command, run_dir: Path, tmp_path: Path):
    with (
        DuckLog(run_dir / "log.duckdb", run="told-001") as log,
        Endpoint(log, run_dir, log.submit),
    ):
        assert simctl("bundle", run_dir, "-o", tmp_path / "live.simctl").code == 0
    assert simctl("open", tmp_path / "live.simctl", "--run-dir", tmp_path / "opened").code == 0
    with FinishedLog(tmp_path / "opened" / "log.duckdb") as opened, FinishedLog(log.path) as there:
        assert list(opened.read()) == list(there.read())


def flipped(name: str) -> Callable[[Members], None]:
    def change(inside: Members) -> None:
        content = bytearray(inside[name])
        content[len(content) // 2] ^= 1
        inside[name] = bytes(content)

    return change


@pytest.mark.parametrize(
    "name", ["run.toml", "policies/v000005/model.safetensors", "segments/000000000001-000000000"]
)
def test_a_bundle_with_a_changed_member_is_refused_by_its_name(
    simctl: Command, bundle: Path, tmp_path: Path, name: str
):
    [full] = [each for each in members(bundle) if each.startswith(name)]
    rewrite(bundle, flipped(full))
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert said.code == 2
    assert f"{full} was changed" in said.err
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "policies/v000005/../../evil", "evil", "log.duckdb"]
)
def test_no_member_gets_out_of_the_run(simctl: Command, bundle: Path, tmp_path: Path, name: str):
    def add(inside: Members) -> None:
        manifest = json.loads(inside["manifest.json"])
        manifest["members"][name] = manifest["members"]["run.toml"]
        inside["manifest.json"] = json.dumps(manifest).encode()
        inside[name] = inside["run.toml"]

    rewrite(bundle, add)
    said = simctl("open", bundle, "--run-dir", tmp_path / "x" / "opened")
    assert (said.code, "does not belong into a bundle" in said.err) == (2, True)
    assert list((tmp_path / "x").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_link_is_no_member(simctl: Command, bundle: Path, tmp_path: Path):
    with tarfile.open(bundle, "a") as tar:
        link = tarfile.TarInfo("trainer.log")
        link.type, link.linkname = tarfile.SYMTYPE, "run.toml"
        tar.addfile(link)
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert (said.code, "'trainer.log' does not belong" in said.err) == (2, True)


def test_a_member_that_is_missing_is_named(simctl: Command, bundle: Path, tmp_path: Path):
    rewrite(bundle, lambda inside: inside.pop("run.toml") and None)
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert (said.code, "run.toml is missing" in said.err) == (2, True)


def forged(content: bytes) -> bytes:
    """A segment in which another than the solver says what the solver said."""
    table = pq.read_table(io.BytesIO(content))
    senders = pc.replace_substring(table.column("sender"), "solver", "critic")
    place = table.schema.get_field_index("sender")
    sink = io.BytesIO()
    pq.write_table(table.set_column(place, table.schema.field(place), senders), sink)
    return sink.getvalue()


def test_forged_events_are_refused_by_the_chain_whatever_the_manifest_says(
    simctl: Command, bundle: Path, tmp_path: Path
):
    def forge(inside: Members) -> None:
        [name] = [each for each in inside if each.startswith("segments/")]
        inside[name] = forged(inside[name])
        manifest = json.loads(inside["manifest.json"])
        sha256 = hashlib.sha256(inside[name]).hexdigest()
        manifest["members"][name] = {"sha256": sha256, "size": len(inside[name])}
        inside["manifest.json"] = json.dumps(manifest).encode()

    rewrite(bundle, forge)
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert (said.code, "is not what its hash says" in said.err) == (2, True)


@pytest.mark.parametrize(("key", "value"), [("events", 10**6), ("chain", "f" * 64)])
def test_a_bundle_with_other_events_than_it_says_is_refused(
    simctl: Command, bundle: Path, tmp_path: Path, key: str, value: object
):
    def promise_more(inside: Members) -> None:
        manifest = json.loads(inside["manifest.json"])
        manifest[key] = value
        inside["manifest.json"] = json.dumps(manifest).encode()

    rewrite(bundle, promise_more)
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert (said.code, "not those of its manifest" in said.err) == (2, True)


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 1000, bytes(20_000)])
def test_what_is_no_bundle_is_refused(simctl: Command, tmp_path: Path, content: bytes):
    (tmp_path / "b.simctl").write_bytes(content)
    said = simctl("open", tmp_path / "b.simctl", "--run-dir", tmp_path / "opened")
    assert (said.code, "bundle" in said.err) == (2, True)


def test_a_bundle_that_was_cut_is_refused(simctl: Command, bundle: Path, tmp_path: Path):
    bundle.write_bytes(bundle.read_bytes()[:-30_000])
    said = simctl("open", bundle, "--run-dir", tmp_path / "opened")
    assert said.code == 2
    assert not (tmp_path / "opened").exists()


def test_a_damaged_log_is_not_bundled(simctl: Command, run_dir: Path, tmp_path: Path):
    with duckdb.connect(run_dir / "log.duckdb") as connection:
        connection.execute("UPDATE events SET sender = 'x' WHERE seq = 9")
    said = simctl("bundle", run_dir, "-o", tmp_path / "b.simctl")
    assert (said.code, "event 9 is not what its hash says" in said.err) == (1, True)
    assert not (tmp_path / "b.simctl").exists()
