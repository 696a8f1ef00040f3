"""Findings: what a check of a run says."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["whole", "damaged", "unknown"]
REPAIR = "simctl store repair"
# hashes cover neither numbers nor ids, and a writer's mistake has right hashes
COPY = "put back a copy of the log: no repair can tell what was meant"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `seq` is the first event that is not as it must be."""

    name: str
    text: str
    verdict: Verdict = "whole"
    seq: int | None = None
    remedy: str = ""

    @property
    def mendable(self) -> bool:
        """Whether a repair of the log is what it needs."""
        return self.remedy == REPAIR


def damaged(name: str, text: str, seq: int | None = None, remedy: str = REPAIR) -> Finding:
    """Return what is not as it must be, and what helps."""
    return Finding(name, text, "damaged", seq, remedy)
