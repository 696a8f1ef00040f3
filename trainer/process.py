"""The trainer's process: `python -m simctl.trainer.process --run-dir RUN` beside a live run."""

import argparse
import gc
import logging
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from simctl.bus.messages import PolicyUpdated
from simctl.store.client import RemoteLog
from simctl.store.errors import OwnerGoneError, RunMissingError
from simctl.store.policies import PolicyStore
from simctl.store.room import unbound
from simctl.trainer.checkpoint import Gather
from simctl.trainer.herald import PLAY_ENDED, ROUND_ENDED
from simctl.trainer.learners import Learners
from simctl.trainer.lookout import look_out
from simctl.trainer.muster import Muster
from simctl.trainer.rebuild import make_resumable
from simctl.trainer.retrain import announced
from simctl.trainer.settings import Training
from simctl.trainer.trainer import Trainer

NAME = "simctl-trainer"
_log = logging.getLogger("simctl.trainer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train until the run ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="simctl.trainer.process", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="directory of the live run")
    run_dir: Path = parser.parse_args(arguments).run_dir
    muster = Muster()
    if not muster.leads:
        muster.follow()
    unbound()
    with suppress(OSError):  # what `ps` and `top` call it, on Linux
        Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    logging.basicConfig(
        filename=run_dir / "trainer.log",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        force=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it reports every request
    try:
        with muster:
            train(run_dir, muster.learners)
    except OwnerGoneError as error:
        _log.info("%s", error)
    except RunMissingError as error:
        parser.exit(1, f"{error}\n")
    except Exception:  # noqa: BLE001 - its last line in the log is what the owner shows
        _log.exception("the trainer failed")
        return 1
    return 0


def train(run_dir: Path, gather: Gather = Learners) -> None:
    """Follow the run's log and answer its rounds; `gather` makes the learners.

    Raises:
        OwnerGoneError: the run ended, or its process died.
    """
    training = Training.read(run_dir / "run.toml")
    with RemoteLog.of(run_dir) as log:
        policies = PolicyStore(run_dir / "policies")
        held = training.trainer.held > 0
        # what an earlier process learnt and could not say yet is learnt again
        version = max(announced(log), default=0) if held else policies.latest()
        make_resumable(policies, version, log, gather)
        trainer = Trainer(training, policies, log.append, version, gather)
        if not held:
            trainer.announce()
        _log.info("goes on after seq %d", trainer.position)
        gc.freeze()  # what is loaded stays: the collector need not walk it with every round
        pages = log.follow(trainer.position, ROUND_ENDED, PLAY_ENDED)
        for events in look_out(pages, trainer.herald.hear) if held else pages:
            heard = time.perf_counter()
            for update in trainer.hear(events):
                _report(update, time.perf_counter() - heard)
                heard = time.perf_counter()


def _report(update: PolicyUpdated, seconds: float) -> None:
    # times of day and durations stay out of the log of events, which must repeat
    measured = [f"{name} {value}" for name, value in update.metrics.items() if _tells(name)]
    _log.info("version %d: %s, %.2f s", update.version, ", ".join(measured) or "as it was", seconds)


def _tells(metric: str) -> bool:
    """Whether it is of those that tell how a step went: the loss and the tokens of some weights."""
    return metric.rpartition("/")[2] in {"loss", "num_tokens"}


def _stop(number: int, _: FrameType | None) -> None:
    _log.info("stopped by signal %d", number)
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
