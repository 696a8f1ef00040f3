"""A policy version appears whole, never changes, and is checked before it is used."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simctl.store.policies import (
    PolicyConflictError,
    PolicyCorruptError,
    PolicyMissingError,
    PolicyState,
    PolicyStore,
    files,
)


@pytest.fixture
def store(tmp_path: Path):
    return PolicyStore(tmp_path / "policies")


def _writes(weights: bytes) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / "config.json").write_text("{}")
        (directory / "model.safetensors").write_bytes(weights)
        (directory / "optimizer.pt").write_bytes(b"moments of " + weights)

    return write


def _names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def _commit(store: PolicyStore, version: int, weights: bytes = b"weights") -> PolicyState:
    state = PolicyState(version=version, parent=version - 1, event_offset=10 * version, pseq=3)
    return store.commit(version, _writes(weights), state)


def test_a_committed_version_is_found_with_its_state(store: PolicyStore):
    state = _commit(store, 1)
    assert store.latest() == 1
    assert store.state(1) == state
    assert state.event_offset == 10
    assert store.sha256(1) == state.sha256
    store.verify(1)
    store.verify(1, state.sha256)
    assert store.path(1).name == "v000001"


def test_a_version_that_was_not_finished_is_not_there(store: PolicyStore):
    _commit(store, 1)

    def fail(directory: Path) -> None:
        _writes(b"half")(directory)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - ours
        store.commit(2, fail, PolicyState(version=2))
    assert store.versions() == [1]
    _commit(store, 2)
    assert store.versions() == [1, 2]
    assert _names(store.root) == ["v000001", "v000002"]


def test_changed_weights_are_refused(store: PolicyStore):
    sha256 = _commit(store, 1).sha256
    (store.path(1) / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(PolicyCorruptError, match=r"version 1 .* was changed"):
        store.verify(1)
    with pytest.raises(PolicyCorruptError):
        store.verify(1, sha256)


def test_weights_other_than_announced_are_refused(store: PolicyStore):
    _commit(store, 1)
    with pytest.raises(PolicyCorruptError):
        store.verify(1, "0" * 64)


def test_a_version_that_is_not_there_is_named(store: PolicyStore):
    with pytest.raises(PolicyMissingError, match="no policy version in"):
        store.latest()
    with pytest.raises(PolicyMissingError, match="no policy version 7"):
        store.verify(7)
    with pytest.raises(PolicyMissingError, match="no policy version 7"):
        store.verify(7, "0" * 64)


def test_a_damaged_state_is_refused(store: PolicyStore):
    _commit(store, 1)
    (store.path(1) / "trainer_state.json").write_text("{")
    with pytest.raises(PolicyCorruptError, match=r"trainer_state\.json is damaged"):
        store.state(1)


def test_committing_the_same_weights_again_changes_nothing(store: PolicyStore):
    state = _commit(store, 1)
    assert _commit(store, 1) == state
    assert _names(store.root) == ["v000001"]


def test_a_version_never_changes(store: PolicyStore):
    _commit(store, 1)
    with pytest.raises(PolicyConflictError, match="never changes"):
        _commit(store, 1, b"other weights")
    store.verify(1)


def test_a_version_that_another_process_commits_meanwhile_is_compared(
    store: PolicyStore, tmp_path: Path
):
    other = PolicyStore(tmp_path / "other")
    state = _commit(other, 1)

    def overtaken(directory: Path) -> None:
        _writes(b"weights")(directory)
        shutil.copytree(other.path(1), store.path(1))

    assert store.commit(1, overtaken, state) == state
    assert _names(store.root) == ["v000001"]


def test_two_processes_write_no_draft_into_each_other(store: PolicyStore):
    theirs = store.root / f".v000001.{os.getppid()}.draft"
    theirs.mkdir(parents=True)
    _commit(store, 1)
    assert _names(store.root) == [theirs.name, "v000001"]


def test_the_draft_of_a_killed_process_is_removed(store: PolicyStore):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    (store.root / f".v000001.{ended.pid}.draft").mkdir(parents=True)
    _commit(store, 1)
    assert _names(store.root) == ["v000001"]


def test_a_directory_with_another_name_is_no_version(store: PolicyStore):
    _commit(store, 1)
    shutil.copytree(store.path(1), store.root / "v000001-old")
    assert store.versions() == [1]


def resumable(store: PolicyStore) -> list[int]:
    return [v for v in store.versions() if (store.path(v) / "optimizer.pt").exists()]


def test_the_first_every_tenth_and_the_last_two_versions_can_be_trained_on(store: PolicyStore):
    for version in range(24):
        _commit(store, version)
    assert resumable(store) == [0, 10, 20, 22, 23]
    assert all((store.path(version) / "model.safetensors").exists() for version in range(24))


def test_a_version_is_brought_from_another_run_with_all_that_belongs_to_it(
    store: PolicyStore, tmp_path: Path
):
    other = PolicyStore(tmp_path / "other")
    _commit(other, 7)
    assert store.bring(other, 7) == other.state(7) == store.state(7)
    assert _names(store.path(7)) == _names(other.path(7))
    for version in range(8, 12):
        _commit(store, version)
    assert resumable(store) == [7, 10, 11]


def test_no_version_is_brought_that_was_changed(store: PolicyStore, tmp_path: Path):
    other = PolicyStore(tmp_path / "other")
    _commit(other, 7)
    (other.path(7) / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(PolicyCorruptError):
        store.bring(other, 7)
    assert store.versions() == []


def test_a_version_is_equipped_with_what_only_the_trainer_needs(store: PolicyStore, tmp_path: Path):
    _commit(store, 1)
    (store.path(1) / "optimizer.pt").unlink()
    (made := tmp_path / "made").mkdir()
    _writes(b"the same")(made)
    store.equip(1, made)
    assert (store.path(1) / "optimizer.pt").read_bytes() == b"moments of the same"
    store.verify(1)


def test_a_base_is_adopted_without_its_trainer(store: PolicyStore, tmp_path: Path):
    other = PolicyStore(tmp_path / "other")
    _commit(other, 5)
    state = store.adopt(other.path(5))
    assert state == PolicyState(version=0, sha256=other.sha256(5))
    assert _names(store.path(0)) == [
        "config.json",
        "model.safetensors",
        "trainer_state.json",
    ]


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_directory_without_a_policy_is_refused(store: PolicyStore, tmp_path: Path, missing: str):
    base = tmp_path / "base"
    base.mkdir()
    _writes(b"weights")(base)
    (base / missing).unlink()
    with pytest.raises(PolicyMissingError, match=f"base holds no policy: {missing} is missing"):
        store.adopt(base)


def _with_copies(**copies: bytes) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        _writes(b"weights")(directory)
        for role, weights in copies.items():
            (place := directory / "copies" / role).mkdir(parents=True)
            _writes(weights)(place)

    return write


def _commit_copies(store: PolicyStore, version: int, **copies: bytes) -> PolicyState:
    return store.commit(version, _with_copies(**copies), PolicyState(version=version))


def test_the_hash_of_weights_with_copies_is_that_of_what_sha256sum_lists(store: PolicyStore):
    state = _commit_copies(store, 1, guide=b"other", examiner=b"own")
    names = ["copies/examiner/model.safetensors", "copies/guide/model.safetensors"]
    listed = subprocess.run(
        ["/usr/bin/sha256sum", *names, "model.safetensors"],
        cwd=store.path(1),
        capture_output=True,
        check=True,
    )
    assert state.sha256 == hashlib.sha256(listed.stdout).hexdigest()


def test_without_copies_the_hash_is_that_of_the_file(store: PolicyStore):
    assert _commit(store, 1).sha256 == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("change", ["changed", "gone", "one more"])
def test_a_copy_that_is_not_as_it_was_committed_is_refused(store: PolicyStore, change: str):
    _commit_copies(store, 1, examiner=b"own")
    weights = store.path(1) / "copies" / "examiner" / "model.safetensors"
    match change:
        case "changed":
            weights.write_bytes(b"changed")
        case "gone":
            weights.unlink()
        case _:
            shutil.copytree(weights.parent, weights.parents[1] / "solver")
    with pytest.raises(PolicyCorruptError, match=r"version 1 .* was changed"):
        store.verify(1)


def test_a_version_is_brought_with_its_copies_and_what_their_trainers_need(
    store: PolicyStore, tmp_path: Path
):
    other = PolicyStore(tmp_path / "other")
    _commit_copies(other, 7, examiner=b"own")
    assert store.bring(other, 7) == other.state(7)
    brought = [each.relative_to(store.path(7)) for each in files(store.path(7))]
    assert brought == [each.relative_to(other.path(7)) for each in files(other.path(7))]
    assert Path("copies/examiner/optimizer.pt") in brought


def test_a_base_is_adopted_with_its_copies_and_without_their_trainers(
    store: PolicyStore, tmp_path: Path
):
    other = PolicyStore(tmp_path / "other")
    _commit_copies(other, 5, examiner=b"own")
    assert store.adopt(other.path(5)).sha256 == other.sha256(5)
    assert _names(store.path(0) / "copies" / "examiner") == ["config.json", "model.safetensors"]


def test_what_the_trainers_of_copies_need_is_dropped_and_brought_back_with_the_rest(
    store: PolicyStore, tmp_path: Path
):
    for version in range(5):
        _commit_copies(store, version, examiner=b"own")
    own = store.path(2) / "copies" / "examiner" / "optimizer.pt"
    assert not own.exists()
    (made := tmp_path / "made").mkdir()
    _with_copies(examiner=b"the same")(made)
    store.equip(2, made)
    assert own.read_bytes() == b"moments of the same"
    store.verify(2)
