"""Muster: the company that a recipe wants is gathered when it is needed, and sent home afterwards.

The leader starts those who follow: `python -m simctl.trainer.muster --at FILE --rank R --size N`.
Each lives as long as its leader holds the other end of its standard input, and the leader does not
outlive one of them. Where torchrun started all of them, they find each other as it says.
"""

import argparse
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NoReturn, Self

import torch
import torch.distributed as dist

from simctl.trainer.company import ALONE, Company, CompanyDiffersError
from simctl.trainer.learners import BEGIN, Learners
from simctl.trainer.settings import Training

END = "end"  # what a company is told when nothing more is to be learnt
_log = logging.getLogger("simctl.trainer")


class Muster:
    """Gives learners to one command, or to one trainer; a context that ends with all of them."""

    def __init__(self) -> None:
        """Gather nobody yet; those whom torchrun started find each other now."""
        self._torchrun = dist.is_torchelastic_launched()
        self._company = _by_torchrun() if self._torchrun else ALONE
        self._followers: list[subprocess.Popen[bytes]] = []
        self._place: TemporaryDirectory[str] | None = None  # of the file by which they meet
        self._ends = threading.Event()

    def learners(self, path: Path, base: Path, training: Training) -> Learners:
        """Return the leader's learners; its company has as many processes as the recipe says.

        Raises:
            CompanyDiffersError: torchrun started another number of processes.
        """
        wanted = training.trainer.processes
        if self._torchrun and self._company.size != wanted:
            raise CompanyDiffersError(
                f"torchrun started {self._company.size} processes, and trainer.processes is "
                f"{wanted}: it is part of the recipe, as sums round otherwise with another number"
            )
        if self._company.size != wanted:
            self._dismiss()
            if dist.is_initialized():
                dist.destroy_process_group()
            self._gather(wanted)
        return Learners(path, base, training, self._company)

    @property
    def leads(self) -> bool:
        """Whether this process is to ask for learners; else it is to `follow`."""
        return self._company.leads

    def follow(self) -> NoReturn:
        """Do what the leader's learners are asked until it ends or is gone, and end with it."""
        _follow(self._company)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and not self._followers:
            self._company.tell(END)
        self._dismiss()
        if kind is None and dist.is_initialized():  # what failed may never be waited for
            dist.destroy_process_group()

    def _gather(self, size: int) -> None:
        if size == 1:
            return
        self._ends = threading.Event()
        self._place = TemporaryDirectory()
        at = Path(self._place.name) / "company"
        for rank in range(1, size):
            follower = subprocess.Popen(  # noqa: S603 - ourselves
                [
                    *(sys.executable, "-m", "simctl.trainer.muster", "--at", at),
                    *("--rank", str(rank), "--size", str(size)),
                ],
                stdin=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is the leader's to hear
            )
            self._followers.append(follower)
            watch = (follower, rank, self._ends)
            threading.Thread(target=_outlive, args=watch, daemon=True).start()
        self._company = _meet(at, 0, size)

    def _dismiss(self) -> None:
        """Let those who were started here end, whatever they are waiting for."""
        self._ends.set()
        for follower in self._followers:
            if follower.stdin:
                follower.stdin.close()
            follower.wait()
        self._followers.clear()
        if self._place:
            self._place.cleanup()
        self._company = ALONE


def _by_torchrun() -> Company:
    dist.init_process_group(_backend())
    return Company(dist.get_rank(), dist.get_world_size())


def _follow(company: Company) -> NoReturn:
    learners: Learners | None = None
    while True:
        call = company.hear()
        if call is None or call[0] == END:
            os._exit(0)  # threads of torch that still wait would make an end in order an abort
        name, given = call
        if name == BEGIN:
            learners = None  # before others are loaded
            path, base, training = given
            learners = Learners(path, base, training, company)
        else:
            getattr(learners, name)(*given)


def main() -> None:
    """Follow a leader of this machine."""
    parser = argparse.ArgumentParser(prog="simctl.trainer.muster", description=__doc__)
    parser.add_argument("--at", type=Path, required=True, help="file by which they meet")
    parser.add_argument("--rank", type=int, required=True, help="which it is, the leader being 0")
    parser.add_argument("--size", type=int, required=True, help="how many they are")
    given = parser.parse_args()
    threading.Thread(target=_end_with_leader, daemon=True).start()
    _follow(_meet(given.at, given.rank, given.size))


def _meet(at: Path, rank: int, size: int) -> Company:
    where = at.as_uri()
    dist.init_process_group(_backend(), init_method=where, rank=rank, world_size=size)
    return Company(rank, size)


def _backend() -> str:
    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"


def _end_with_leader() -> None:
    """Wait until nobody holds the other end of standard input, and end whatever is under way."""
    sys.stdin.buffer.read()
    os._exit(0)


def _outlive(follower: "subprocess.Popen[bytes]", rank: int, ends: threading.Event) -> None:
    """End the leader with a follower that died: what they computed together may wait for ever."""
    code = follower.wait()
    if not ends.is_set():
        _log.error("process %d of the trainer ended with code %d", rank, code)
        os._exit(1)


if __name__ == "__main__":
    main()
