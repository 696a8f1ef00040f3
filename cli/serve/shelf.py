"""The shelf: the runs that a page may show, by name."""

from collections.abc import Sequence
from pathlib import Path

from simctl.cli.errors import RunError
from simctl.cli.keys import nearest
from simctl.cli.runs import all_runs, is_run


class Shelf:
    """Runs that were named, and those in directories; what is begun there later is found, too."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Hold these runs and directories of runs.

        Raises:
            RunError: one of them is not there, or is neither.
        """
        for place in places:
            if not place.is_dir():
                raise RunError(f"{place} is no directory: name a run, or a directory of runs")
        self._places = places

    @property
    def runs(self) -> dict[str, Path]:
        """The runs by name, the one that was written last first."""
        found: dict[str, Path] = {}
        for place in self._places:
            for path in [place] if is_run(place) else all_runs(place):
                found.setdefault(self._name(path.resolve(), found), path)
        return found

    def find(self, name: str) -> Path:
        """Return the directory of a run.

        Raises:
            RunError: there is none of that name.
        """
        runs = self.runs
        if name not in runs:
            known = nearest(name, list(runs))
            there = f"there are: {', '.join(known)}" if known else "there are none"
            raise RunError(f"no run {name} here; {there}")
        return runs[name]

    def _name(self, path: Path, taken: dict[str, Path]) -> str:
        """Return a run's name, with its directory's where another run has it already."""
        if path.name in taken and taken[path.name].resolve() != path:
            return f"{path.parent.name}:{path.name}"
        return path.name
