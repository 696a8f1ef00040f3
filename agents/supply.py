"""The supply: where a worker gets policy versions from. Whatever comes is proven by its hash."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from simctl.bus.parcels import Serve
from simctl.store.policies import PolicyError, PolicyState, PolicyStore

_KEPT = 2  # versions; a worker serves one, and is about to serve another
Fetch = Callable[[int, str], AsyncIterator[bytes]]


class Supply:
    """Policy versions from a directory that is shared with the run's owner, or from the owner."""

    def __init__(self, own: Path, fetch: Fetch, shared: Path | None = None) -> None:
        """Keep below `own` what `fetch` gives; look in `shared` first, if there is one."""
        self._own = PolicyStore(own)
        self._shared = PolicyStore(shared) if shared else None
        self._fetch = fetch

    async def get(self, wanted: Serve) -> PolicyStore:
        """Return a store that has the wanted version.

        Raises:
            PolicyError: what came is not what was announced.
        """
        version, sha256 = wanted.update.version, wanted.update.sha256
        if self._shared is not None and self._shared.files(version):
            self._shared.verify(version, sha256)
            return self._shared
        place = self._own.path(version)
        try:
            self._own.verify(version, sha256)
        except PolicyError:
            shutil.rmtree(place, ignore_errors=True)
            await self._bring(wanted)
        self._forget(version)
        return self._own

    async def _bring(self, wanted: Serve) -> None:
        """Fetch a version and keep it, if its weights are those that were announced."""
        version = wanted.update.version
        arriving = self._own.root / "arriving"
        shutil.rmtree(arriving, ignore_errors=True)
        for name in wanted.files:
            file = _below(arriving, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as written:
                async for part in self._fetch(version, name):
                    written.write(part)

        def move(target: Path) -> None:
            shutil.copytree(arriving, target, dirs_exist_ok=True)

        self._own.commit(version, move, PolicyState(version=version))
        shutil.rmtree(arriving)
        self._own.verify(version, wanted.update.sha256)

    def _forget(self, serving: int) -> None:
        for version in self._own.versions():
            if version <= serving - _KEPT:
                shutil.rmtree(self._own.path(version), ignore_errors=True)


def _below(root: Path, name: str) -> Path:
    """Return the file of that name below `root`.

    Raises:
        PolicyError: it would lie elsewhere.
    """
    file = root / name
    if not file.resolve().is_relative_to(root.resolve()):
        raise PolicyError(f"a policy has no file {name!r}")
    return file
