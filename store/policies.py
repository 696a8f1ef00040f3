"""The versions of the policy on disk. The only code that knows how they are laid out.

A version is a directory that transformers can load, with `trainer_state.json` beside the weights.
Where roles have weights of their own, `copies/ROLE` below it is such a directory, too. Where only
an adapter learns, the weights have it in them, and `adapter` holds it alone. A
version appears whole or not at all: it is written under another name, synced, and renamed.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from simctl.bus.values import Value
from simctl.store.drafts import draft, publish
from simctl.store.errors import StoreError

WEIGHTS = "model.safetensors"
COPIES = "copies"
ADAPTER = "adapter"  # in peft's layout, with what its trainer needs to go on
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
STATE = "trainer_state.json"
# what only the trainer needs (files named optimizer*) is kept of the last versions, of every tenth,
# and of the first that has it; a version between them can be learnt again from the one before
TRAINERS_OWN = "optimizer*"
RESUMABLE, LANDMARK = 2, 10
WORTH_A_GPU = 50_000_000  # parameters from which on a GPU is faster than a core
_BLOCK = 1 << 20
_NAME = re.compile(r"v\d{6,}")


class PolicyError(StoreError):
    """The parent of what can be wrong with a policy."""


class PolicyMissingError(PolicyError):
    """There is no such version, or the directory holds no policy."""


class PolicyCorruptError(PolicyError):
    """The weights of a version are not the ones that were committed."""


class PolicyConflictError(PolicyError):
    """A version would be committed again with other weights."""


class PolicyState(Value):
    """Where a version comes from: what the trainer had read of the log, and said in it."""

    version: int
    parent: int | None = None
    sha256: str = ""  # of the weights; the store fills it in
    event_offset: int = 0  # seq of the last event that the version has learned from
    pseq: int = 0  # the trainer's next number
    gains: tuple[float, ...] = ()  # of the last rounds' exams, since a copy was promoted


class PolicyStore:
    """The policy versions of one run."""

    def __init__(self, root: Path) -> None:
        """Keep versions below `root`, which need not be there yet."""
        self.root = root

    def path(self, version: int) -> Path:
        """Return the directory of a version, whether it is there or not."""
        return self.root / f"v{version:06d}"

    def versions(self) -> list[int]:
        """Return the committed versions, in order."""
        found = self.root.iterdir() if self.root.exists() else ()
        ours = (each for each in found if _NAME.fullmatch(each.name))
        return sorted(int(each.name[1:]) for each in ours if (each / STATE).exists())

    def latest(self) -> int:
        """Return the last committed version.

        Raises:
            PolicyMissingError: there is none.
        """
        versions = self.versions()
        if not versions:
            raise PolicyMissingError(f"no policy version in {self.root}")
        return versions[-1]

    def state(self, version: int) -> PolicyState:
        """Return where a version comes from.

        Raises:
            PolicyMissingError: it is not there.
            PolicyCorruptError: its state cannot be read.
        """
        file = self.path(version) / STATE
        try:
            return PolicyState.model_validate_json(file.read_bytes())
        except FileNotFoundError as error:
            raise PolicyMissingError(f"no policy version {version} in {self.root}") from error
        except ValidationError as error:
            raise PolicyCorruptError(f"{file} is damaged: {error}") from error

    def sha256(self, version: int) -> str:
        """Return the hash that the weights of a version were committed with."""
        return self.state(version).sha256

    def files(self, version: int) -> list[str]:
        """Return the names of what serves a version, in order: all but the trainer's own."""
        place = self.path(version)
        return [
            file.relative_to(place).as_posix()
            for file in (files(place) if place.is_dir() else ())
            if file.name != STATE and not _is_trainers_own(file)
        ]

    def file(self, version: int, name: str) -> Path | None:
        """Return one of those files, if it is there."""
        return self.path(version) / name if name in self.files(version) else None

    def verify(self, version: int, sha256: str | None = None) -> None:
        """Check that the weights of a version are those that were committed (and announced).

        Raises:
            PolicyMissingError: it is not there.
            PolicyCorruptError: the weights are not those of `sha256`.
        """
        wanted = sha256 or self.sha256(version)
        weights = self.path(version) / WEIGHTS
        if not weights.exists():
            raise PolicyMissingError(f"no policy version {version} in {self.root}")
        found = hash_weights(self.path(version))
        if found != wanted:
            raise PolicyCorruptError(
                f"the weights of policy version {version} have sha256 {found[:12]}..., "
                f"not {wanted[:12]}...: {_named(self.path(version))} changed after it was "
                "committed; put back the file as it was"
            )

    def adopt(self, base: Path) -> PolicyState:
        """Make a copy of the policy in `base` the version 0.

        Raises:
            PolicyMissingError: `base` holds no policy.
        """
        for name in ("config.json", WEIGHTS):
            if not (base / name).is_file():
                raise PolicyMissingError(
                    f"{base} holds no policy: {name} is missing. A policy is a directory that "
                    "transformers can load, with its weights in safetensors"
                )
        return self.commit(0, lambda target: _copy(base, target), PolicyState(version=0))

    def bring(self, other: "PolicyStore", version: int) -> PolicyState:
        """Make a version of another run one of this run, with all that belongs to it.

        Raises:
            PolicyMissingError: the other run has no such version.
            PolicyCorruptError: its weights are not the ones that were committed.
        """
        state, source = other.state(version), other.path(version)
        other.verify(version)
        return self.commit(version, lambda target: _copy(source, target, whole=True), state)

    def equip(self, version: int, source: Path) -> None:
        """Give a version what only the trainer needs, from a directory with the same weights."""
        for file in _trainers_own(source):
            target = self.path(version) / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            place = target.with_name(f".{file.name}.{os.getpid()}")
            shutil.copyfile(file, place)
            place.rename(target)

    def commit(
        self, version: int, write: Callable[[Path], None], state: PolicyState
    ) -> PolicyState:
        """Let `write` fill a directory and make it a version; return its state with the hash.

        Committing the same weights again changes nothing.

        Raises:
            PolicyConflictError: the version is there with other weights.
        """
        target = self.path(version)
        with draft(target) as place:
            write(place)
            sha256 = hash_weights(place)
            sealed = state.model_copy(update={"version": version, "sha256": sha256})
            (place / STATE).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")
            if not publish(place, target):
                return self._same(sealed)
        self._prune(version)
        return sealed

    def _same(self, wanted: PolicyState) -> PolicyState:
        found = self.state(wanted.version)
        if found.sha256 != wanted.sha256:
            raise PolicyConflictError(
                f"policy version {wanted.version} was committed with weights "
                f"{found.sha256[:12]}..., and now with {wanted.sha256[:12]}...: "
                "a version never changes"
            )
        return found

    def _prune(self, last: int) -> None:
        """Drop what only the trainer needs of versions before the `last` that need not keep it."""
        if last <= RESUMABLE:  # there may be no first one yet
            return
        for version in range(last - RESUMABLE, self._first, -1):
            if version % LANDMARK:
                found = _optimizers(self.path(version))
                if not found:  # nor has one before it, but landmarks
                    return
                for file in found:
                    file.unlink()

    @cached_property
    def _first(self) -> int:
        """The first version that has what only the trainer needs."""
        return next((v for v in self.versions() if _optimizers(self.path(v))), 0)


def files(policy: Path) -> Iterator[Path]:
    """Give the files of a policy, those of its copies after its own, each in order."""
    for place in (policy, *copies(policy).values()):
        yield from sorted(each for each in place.iterdir() if each.is_file())
        yield from sorted((place / ADAPTER).glob("*"))


def copies(policy: Path) -> dict[str, Path]:
    """Return the directories of the copies that roles have of a policy, by role."""
    place = policy / COPIES
    found = place.iterdir() if place.is_dir() else ()
    return {each.name: each for each in sorted(found) if (each / WEIGHTS).is_file()}


def copy_of(policy: Path, role: str) -> Path:
    """Return the directory of a role's weights: its copy, or those of all where it has none yet."""
    return copies(policy).get(role, policy)


def hash_weights(policy: Path) -> str:
    """Return the sha256 of a policy's weights: of its file, or of the list of several.

    The list is what `sha256sum copies/*/model.safetensors model.safetensors` prints.
    """
    own = hash_file(policy / WEIGHTS)
    found = copies(policy)
    if not found:
        return own
    listed = [(f"{COPIES}/{role}/{WEIGHTS}", hash_file(at / WEIGHTS)) for role, at in found.items()]
    text = "".join(f"{sha256}  {name}\n" for name, sha256 in [*listed, (WEIGHTS, own)])
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _copy(base: Path, target: Path, *, whole: bool = False) -> None:
    """Copy a policy; only a `whole` one has what its trainer needs to go on from it."""
    for file in files(base):
        ours = _is_trainers_own(file)
        if file.name == STATE or (ours and not whole):
            continue
        place = target / file.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError) if ours else nullcontext():
            shutil.copyfile(file, place)  # a live trainer may drop what is its own meanwhile


def _trainers_own(policy: Path) -> list[Path]:
    """Return the files that only the trainer needs."""
    return [file for file in files(policy) if _is_trainers_own(file)]


def _optimizers(policy: Path) -> list[Path]:
    """Return those that are not kept; adapters are small, and may be published alone."""
    there = files(policy) if policy.is_dir() else ()
    return [file for file in there if file.match(TRAINERS_OWN)]


def _is_trainers_own(file: Path) -> bool:
    return file.match(TRAINERS_OWN) or file.parent.name == ADAPTER


def _named(policy: Path) -> str:
    """Say which weights a version has."""
    roles = ", ".join(copies(policy))
    return (
        f"{policy / WEIGHTS}, or the copy of {roles}, was" if roles else f"{policy / WEIGHTS} was"
    )
