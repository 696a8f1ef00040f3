"""Bundles: a run in one file, which another machine can replay, ask and go on with.

A tar file: first a manifest with the hash of every member, then versions of the policy, the recipe,
the events as Parquet segments, and the trainer's notes. Opening it trusts nothing in it.
"""

import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa
from pydantic import ValidationError

import simctl
from simctl.bus.event import GENESIS
from simctl.bus.values import Value
from simctl.store import copies, segments
from simctl.store.access import LOG, open_log
from simctl.store.check import POLICIES, check
from simctl.store.drafts import draft, publish, replace
from simctl.store.errors import StoreError
from simctl.store.policies import PolicyStore, files, hash_file

SUFFIX = ".simctl"
Choice = Literal["all", "ends", "none"]
_MANIFEST = "manifest.json"
_LARGEST = 1 << 26  # bytes of a manifest
_BLOCK = 1 << 20
_KNOWN = re.compile(
    r"run\.toml|trainer\.log|segments/\d{12}-\d{12}\.parquet"
    r"|policies/v\d{6,9}/(copies/\w+/)?(adapter/)?\w[\w.-]*",
    re.ASCII,
)


class BundleError(StoreError):
    """A file is no bundle, or not the one that was made."""


class Member(Value):
    """A file in a bundle."""

    sha256: str
    size: int


class Manifest(Value):
    """What a bundle holds: a run with events up to the hash `chain`, and its files by name."""

    format: Literal[1] = 1
    simctl: str
    run: str
    branch: str
    events: int
    chain: str
    members: dict[str, Member]


def bundle(run_dir: Path, file: Path, choice: Choice = "ends") -> Manifest:
    """Put a run, live or not, into `file`, with all, the first and last, or no policy versions.

    Raises:
        BundleError: there is a file of that name, or the run changed in the meantime.
        LogCorruptError: the log is damaged.
    """
    if file.exists():
        raise BundleError(f"{file} exists, and a bundle overwrites nothing: name another")
    chosen = list(_chosen(run_dir, choice))  # before the log is read, which then knows them all
    with draft(file) as place:
        members = {name: run_dir / name for name in chosen}
        for name in ("run.toml", "trainer.log"):
            if (run_dir / name).exists():  # a live trainer goes on writing
                members[name] = shutil.copyfile(run_dir / name, place / name)
        with open_log(run_dir) as log:
            run, branch = log.run, log.branch
            sealed = segments.seal(log, place / segments.FOLDER)
        for each in sealed:
            members[f"{segments.FOLDER}/{each.file}"] = place / segments.FOLDER / each.file
        manifest = Manifest(
            simctl=simctl.__version__,
            run=run,
            branch=branch,
            events=sealed[-1].last if sealed else 0,
            chain=sealed[-1].hash if sealed else GENESIS,
            members={name: _member(path) for name, path in sorted(members.items())},
        )
        _write(place / "bundle", manifest, members)
        replace(place / "bundle", file)
    return manifest


def unbundle(file: Path, run_dir: Path) -> Manifest:
    """Make the directory of a run from a bundle.

    Raises:
        BundleError: there is such a directory, or the file is no bundle, or was changed.
    """
    if run_dir.exists():
        raise BundleError(f"{run_dir} exists, and a run overwrites nothing: name another")
    with draft(run_dir) as place:
        try:
            with tarfile.open(file, "r:") as tar:
                manifest = _unpack(tar, place)
        except (tarfile.TarError, EOFError) as error:
            raise BundleError(f"{file} is no bundle of simctl: {error}") from error
        folder = place / segments.FOLDER
        copies.write(place / LOG, manifest.run, manifest.branch, _rows(folder))
        shutil.rmtree(folder, ignore_errors=True)
        for each in check(place):
            if each.verdict == "damaged":
                raise BundleError(f"{file} holds a damaged run: {each.name}: {each.text}")
        with open_log(place) as log:
            last = log.last_seq
            [chain] = [each.hash for each in log.read(last - 1, last)] or [GENESIS]
            if (last, chain) != (manifest.events, manifest.chain):
                raise BundleError(f"{file} was changed: its events are not those of its manifest")
        if not publish(place, run_dir):
            raise BundleError(f"{run_dir} exists, and a run overwrites nothing: name another")
    return manifest


def _chosen(run_dir: Path, choice: Choice) -> Iterator[str]:
    """Give the names of the files of the chosen policy versions."""
    policies = PolicyStore(run_dir / POLICIES)
    versions = policies.versions()
    if choice == "none":
        versions = []
    elif choice == "ends":
        # a fork learns from its root; while the last version is made, the one before it serves
        root = versions[1:2] if versions[1:2] != [1] else []
        versions = sorted({*versions[:1], *root, *versions[-2:]})
    for version in versions:
        for file in files(policies.path(version)):
            yield file.relative_to(run_dir).as_posix()


def _member(path: Path) -> Member:
    try:
        return Member(sha256=hash_file(path), size=path.stat().st_size)
    except FileNotFoundError as error:
        raise BundleError(f"{path} went away: the run goes on, so bundle it again") from error


def _write(file: Path, manifest: Manifest, members: dict[str, Path]) -> None:
    first = file.with_name(_MANIFEST)
    first.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    with tarfile.open(file, "w:") as tar:
        for name in (_MANIFEST, *manifest.members):
            with members.get(name, first).open("rb") as opened:
                tar.addfile(_plain(name, os.fstat(opened.fileno()).st_size), opened)


def _plain(name: str, size: int) -> tarfile.TarInfo:
    """Return a member without owner or time: the same run gives the same bundle."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _unpack(tar: tarfile.TarFile, place: Path) -> Manifest:
    """Write the members of a bundle below `place`, each only if it is what the manifest says."""
    manifest = _manifest(tar)
    missing = dict(manifest.members)
    for info in tar:
        if info.name == _MANIFEST and info.offset == 0:
            continue
        member = missing.pop(info.name, None)
        known = info.isreg() and not info.issparse() and _KNOWN.fullmatch(info.name)
        if member is None or not known:
            raise BundleError(f"{info.name!r} does not belong into a bundle")
        target = place / info.name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(info)
        assert content is not None
        if info.size != member.size or _copy(content, target) != member.sha256:
            raise BundleError(f"{info.name} was changed after the bundle was made")
    if missing:
        raise BundleError(f"{min(missing)} is missing from the bundle")
    return manifest


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.isreg() else None
    if first is None or content is None or first.name != _MANIFEST or first.size > _LARGEST:
        raise BundleError(f"it does not begin with {_MANIFEST}: is it a bundle of simctl?")
    try:
        return Manifest.model_validate_json(content.read())
    except ValidationError as error:
        raise BundleError(f"{_MANIFEST} cannot be read: {error}") from error


def _copy(content: IO[bytes], target: Path) -> str:
    """Write what is read, and return its sha256."""
    digest = sha256()
    with target.open("xb") as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _rows(folder: Path) -> Iterator[pa.Table]:
    for file in sorted(folder.glob("*.parquet")):
        yield from segments.table_pages(file)
