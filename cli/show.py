"""What a person sees of a run: a live panel on a terminal, lines elsewhere, or nothing."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.live import Live

from simctl.bus.event import Event
from simctl.bus.messages import AlarmRaised, CopyPromoted, PolicyEvaluated
from simctl.cli.figures import count, duration, share
from simctl.cli.panel import panel
from simctl.cli.progress import Progress
from simctl.cli.recipe import Recipe
from simctl.cli.terminal import unechoed

if TYPE_CHECKING:
    from simctl.cli.session import Outcome

_PICTURES_PER_SECOND = 2  # each takes 17 ms of the core that samples


class View:
    """Keeps the progress of a run, and shows nothing of it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Show on `console`, by `clock`."""
        self.console = console
        self.progress = Progress()
        self._clock = clock

    def recall(self, event: Event) -> None:
        """Hear an event of an earlier process, at the time that it was logged."""
        self.progress.hear(event, event.wall_us / 1e6)

    def started(self, run_dir: Path, recipe: Recipe) -> None:
        """Hear that the run begins or goes on."""
        self.progress.pause()
        self.joined(run_dir, recipe)

    def joined(self, run_dir: Path, recipe: Recipe) -> None:
        """Hear whose events follow, now that all earlier ones are recalled."""

    def warn(self, trouble: str) -> None:
        """Hear what the run waits for."""
        self.progress.waiting = trouble

    def note(self, trouble: str) -> None:
        """Hear, in any thread, of a trouble that is none of the run's: it goes on."""
        self.progress.troubles.append(trouble)

    def hear(self, event: Event) -> None:
        """Hear an event."""
        self.progress.hear(event, self._clock())

    def ended(self, outcome: "Outcome") -> None:
        """Hear how it ended."""
        self.progress.phase = outcome.reason
        self.close()

    def close(self) -> None:
        """Show nothing more."""


class Panels(View):
    """Draws the progress again and again, from a thread of its own."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on `console`, by `clock`."""
        super().__init__(console, clock)
        self._turn = threading.Lock()
        self._keys = ExitStack()
        self._live: Live | None = None

    def joined(self, run_dir: Path, recipe: Recipe) -> None:
        """Begin to draw."""
        self._live = Live(
            get_renderable=lambda: self._picture(run_dir, recipe),
            console=self.console,
            refresh_per_second=_PICTURES_PER_SECOND,
        )
        self._keys.enter_context(unechoed())
        self._live.start()

    def hear(self, event: Event) -> None:
        """Hear an event; what is drawn meanwhile is drawn of a whole one."""
        with self._turn:
            super().hear(event)

    def close(self) -> None:
        """Stop drawing; the last picture stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._keys.close()

    def _picture(self, run_dir: Path, recipe: Recipe) -> RenderableType:
        with self._turn:
            self.progress.tell_time(self._clock())
            return panel(self.progress, recipe, run_dir, *self.console.size)


class Lines(View):
    """Prints a line for every round and every evaluation."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Print on `console`, by `clock`."""
        super().__init__(console, clock)
        self._rounds = 0

    def joined(self, run_dir: Path, recipe: Recipe) -> None:
        """Say what runs where."""
        self._rounds = recipe.run.rounds
        apart = f", {recipe.apart}" if recipe.apart else ""
        self._say(f"run {run_dir}: recipe {recipe.name}, seed {recipe.seed}{apart}")

    def warn(self, trouble: str) -> None:
        """Say what the run waits for."""
        super().warn(trouble)
        self._say(f"! {trouble}")

    def note(self, trouble: str) -> None:
        """Say it at once: no event may come any more."""
        self._say(f"! {trouble}")

    def hear(self, event: Event) -> None:
        """Print what an event says about the course of things."""
        super().hear(event)
        match event.kind:
            case "round_ended":
                self._say(self._round())
            case "policy_evaluated" if isinstance(event.message, PolicyEvaluated):
                self._say(_evaluation(event.message))
            case "alarm_raised" if isinstance(event.message, AlarmRaised):
                self._say(_alarm(event.message))
            case "copy_promoted" if isinstance(event.message, CopyPromoted):
                self._say(_promotion(event.message))
            case "role_failed" | "policy_synced":
                for trouble in self.progress.troubles:
                    self._say(f"! {trouble}")
                self.progress.troubles.clear()
            case _:
                pass

    def _round(self) -> str:
        progress = self.progress
        means = {role: tally.means() for role, tally in progress.roles.items()}
        rewards = " ".join(f"{role} {share(each[-1])}" for role, each in means.items() if each)
        events, tokens = progress.rates()
        return (
            f"round {progress.round}/{self._rounds}  {duration(progress.seconds)}"
            f"  policy v{progress.version}  reward {rewards or '-'}"
            f"  {count(progress.tokens)} tokens, {count(tokens)}/s, {count(events)} events/s"
        )

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _evaluation(message: PolicyEvaluated) -> str:
    scores = " ".join(f"{name} {share(score)}" for name, score in message.scores.items())
    return f"  policy v{message.version} on {message.suite}: {scores}"


def _alarm(message: AlarmRaised) -> str:
    if message.over:
        return f"  alarm {message.name} is over: {message.text}"
    return f"! alarm {message.name} since round {message.since}: {message.text}"


def _promotion(message: CopyPromoted) -> str:
    return (
        f"  policy v{message.version} goes on from the copy that sat exam {message.of}: it solved "
        f"{message.gain:+.0%} of it, and copies {message.average:+.1%} of late"
    )


def view(
    console: Console, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> View:
    """Return the view that fits: none if quiet, a panel on a terminal, lines elsewhere."""
    if quiet:
        return View(console, clock)
    return Panels(console, clock) if console.is_terminal else Lines(console, clock)
