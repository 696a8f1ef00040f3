"""SFT: imitate answers that earned enough, or the school's demonstrations.

On own answers it is the filter of STaR (Zelikman et al. 2022, 2203.14465, eq. 2: the indicator of
a right answer), with the distinct answers of RFT (Yuan et al. 2023, 2308.01825) and a cap per task
so that easy tasks do not crowd out hard ones. On demonstrations it is rehearsal.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.trainer.objective import Objective, drop, sample
from simctl.trainer.sample import CrossEntropy, Dropped, Sample
from simctl.trainer.trajectory import Group, Trajectory


class Sft(Objective):
    """Imitates the answers that passed the filter."""

    kind: Literal["sft"] = "sft"
    demonstrations: bool = Field(
        default=False, description="imitate what the school showed instead of what was sampled"
    )
    threshold: float = Field(default=1.0, description="least reward of an answer that is imitated")
    max_per_task: int | None = Field(
        default=None, ge=1, description="most answers imitated of one task; the earliest are kept"
    )

    def samples(self, groups: Sequence[Group]) -> Iterator[Sample | Dropped]:
        """Give a sample for every answer that is imitated."""
        taken: Counter[int] = Counter()
        known: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        for group in self.own(groups, demonstrated=self.demonstrations):
            for told in group.trajectories:
                reason = "" if self.demonstrations else self._refused(told, taken, known)
                if reason:
                    yield from drop(reason, [told])
                    continue
                taken[_place(told)] += 1
                known.add((told.prompt, told.tokens))
                yield sample(told, self.weight, CrossEntropy())

    def _refused(
        self,
        told: Trajectory,
        taken: Counter[int],
        known: set[tuple[tuple[int, ...], tuple[int, ...]]],
    ) -> str:
        if told.reward is None:
            return "no grade"
        if told.reward < self.threshold:
            return "below threshold"
        if (told.prompt, told.tokens) in known:
            return "same answer"
        full = self.max_per_task is not None and taken[_place(told)] >= self.max_per_task
        return "enough of its task" if full else ""


def _place(told: Trajectory) -> int:
    """Return the task that an answer counts for; one that poses a task counts for itself."""
    return told.source if told.task is None else told.task
