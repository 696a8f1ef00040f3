"""Lays policy versions out as checkpoint-STEP, the directories that TRL's users know."""

import errno
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from simctl.bus.values import Value
from simctl.cli.checkpoint.card import Version, card
from simctl.cli.checkpoint.history import History, history
from simctl.cli.checkpoint.state import SIMCTL, trainer_state
from simctl.cli.cut import Log
from simctl.cli.errors import RunError, UserError
from simctl.cli.export.front import CARD
from simctl.cli.export.source import source_of
from simctl.cli.recipe import dump
from simctl.cli.runs import POLICIES, find_run, in_force
from simctl.cli.tables import console, pairs
from simctl.store.access import open_log
from simctl.store.drafts import draft, publish
from simctl.store.origins import origins
from simctl.store.policies import STATE, PolicyState, PolicyStore, copies

RECIPE = "recipe.toml"
_PYTHON = ".py"  # the embedded policy is a package, too


class CheckpointError(UserError):
    """A checkpoint cannot be made there."""


class Checkpoint(Value):
    """A checkpoint that is there: of which version, and whether it was made just now."""

    path: Path
    version: int
    sha256: str
    made: bool


class Wanted(Value):
    """Which versions are laid out: some steps, every one, or the last; and whether as links.

    Linked weights are the run's own files under another name. They take no room, and whoever writes
    into them changes the run's.
    """

    steps: tuple[int, ...] = ()
    every: bool = False
    link: bool = False


def lay_out_run(run: str | None, wanted: Wanted, out: Path | None, runs_dir: Path) -> None:
    """Make checkpoints of a run, and print where they are.

    Raises:
        UserError: there is no such run or version, or another checkpoint is there.
        StoreError: the log or the weights are not what they were.
    """
    path = find_run(run, runs_dir)
    screen = console()
    with screen.status(f"laying out {path}"):
        made = lay_out(path, wanted, out)
    facts = pairs()
    for each in made:
        facts.add_row(
            f"checkpoint-{each.version}",
            f"{each.path}{'' if each.made else ', which was there'}, sha256 {each.sha256}",
        )
    facts.add_row("next", f'AutoModelForCausalLM.from_pretrained("{made[-1].path}")')
    screen.print(facts, highlight=False, soft_wrap=True)


def lay_out(path: Path, wanted: Wanted | None = None, out: Path | None = None) -> list[Checkpoint]:
    """Make checkpoints of the run in `path`, live or not, below `out` or RUN-checkpoints here.

    Raises:
        UserError: there is no such version, or another checkpoint is there.
        StoreError: the log or the weights are not what they were.
    """
    wanted = wanted or Wanted()
    target = out or Path(f"{path.resolve().name}-checkpoints")
    with open_log(path) as log:
        layout = _Layout(path, log, PolicyStore(path / POLICIES), history(log), target, wanted.link)
        return [layout.make(version) for version in layout.chosen(wanted)]


@dataclass(frozen=True)
class _Layout:
    path: Path
    log: Log
    store: PolicyStore
    known: History
    out: Path
    link: bool

    def chosen(self, wanted: Wanted) -> list[int]:
        """Return the versions that are asked for; of a live run, some of those announced."""
        there = [version for version in self.store.versions() if version in self.known.sha256]
        if not there:
            raise RunError(f"run {self.path} has no policy version yet")
        missing = [step for step in wanted.steps if step not in there]
        if missing:
            listed = f"{len(there)}, from {there[0]} to {there[-1]}"
            raise RunError(f"run {self.path} has no policy version {missing[0]}; it has {listed}")
        return there if wanted.every else (list(dict.fromkeys(wanted.steps)) or there[-1:])

    def make(self, version: int) -> Checkpoint:
        """Make the checkpoint of a version, if it is not there."""
        target = self.out / f"checkpoint-{version}"
        self.store.verify(version, self.known.sha256[version] or None)
        state = self.store.state(version)
        found = Checkpoint(path=target, version=version, sha256=state.sha256, made=False)
        if target.exists():
            if _weights_of(target) != state.sha256:
                raise CheckpointError(f"{target} exists, and has other weights: name another --out")
            return found
        with draft(target) as place:
            for name in self.store.files(version):
                if not name.endswith(_PYTHON):
                    _put(self.store.path(version) / name, place / name, link=self.link)
            for name, text in self._texts(state).items():
                (place / name).write_text(text, encoding="utf-8")
            if not publish(place, target):
                raise CheckpointError(f"{target} was made by another process at the same time")
        return found.model_copy(update={"made": True})

    def _texts(self, state: PolicyState) -> dict[str, str]:
        recipe = in_force(self.path, self.log, state.event_offset or None)
        begun = origins(self.log, state.event_offset or None)
        version = Version(
            run=self.path.resolve().name,
            recipe=recipe,
            state=state,
            learnt=source_of(self.log, state.event_offset),
            parent=next((each.parent for each in reversed(begun) if each.parent), ""),
            copies=tuple(copies(self.store.path(state.version))),
        )
        told = json.dumps(trainer_state(state, recipe, self.known), indent=2)
        return {STATE: f"{told}\n", CARD: card(version, self.known), RECIPE: dump(recipe)}


def _put(source: Path, target: Path, *, link: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not link:
        shutil.copyfile(source, target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise CheckpointError(
            f"{target.parent} is on another disk than {source}, where no link can be: "
            "leave out --link"
        ) from error


def _weights_of(checkpoint: Path) -> str:
    """Return the hash of a checkpoint's weights, as it says itself; "" of what is none of ours."""
    try:
        told = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        return str(told["stateful_callbacks"][SIMCTL]["attributes"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
