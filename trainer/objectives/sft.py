"""SFT: imitate answers that earned enough, or the school's demonstrations.

On own answers it is the filter of STaR (Zelikman et al. 2022, 2203.14465, eq. 2: the indicator of
a right answer), with the distinct answers of RFT (Yuan et al. 2023, 2308.01825) and a cap per task
so that easy tasks do not crowd out hard ones (ReST-EM, 2312.06585: 10). With `context` bare it
imitates what was found with help as if without: rationalisation (STaR), revisions, hinted attempts,
critiques with the reference in view (SCRIT). With `inline` it teaches to check and correct oneself
in one go (SPOC, 2506.06923; S2R, 2502.12853; SD-Zero, 2604.12002). With `accept` all, critics'
words are predicted whatever they are worth (RLTF-FM, 2602.02482). On demonstrations it is
rehearsal.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.trainer.context import Rendering, inline
from simctl.trainer.links import Links
from simctl.trainer.objective import Contextual, drop, sample
from simctl.trainer.sample import CrossEntropy, Dropped, Sample
from simctl.trainer.select import Pick, Weigh, picked, weights
from simctl.trainer.trajectory import Group, Trajectory

Kept = tuple[Trajectory, Rendering]


class Sft(Contextual):
    """Imitates the answers that passed the filter."""

    kind: Literal["sft"] = "sft"
    demonstrations: bool = Field(
        default=False, description="imitate what the school showed instead of what was sampled"
    )
    accept: Literal["right", "all"] = Field(
        default="right", description="imitate what earned the threshold, or all, graded or not"
    )
    max_per_task: int | None = Field(
        default=None, ge=1, description="most answers imitated of one task; none for all"
    )
    pick: Pick = Field(
        default="earliest", description="which of a task's answers are kept where they are too many"
    )
    weigh: Weigh = Field(
        default="one",
        description="weight of an answer: 1, its reward, alike for every task, the entropy of its "
        "task's answers (EAST), or a bell over the solve rate (Socratic-Zero)",
    )
    exponent: float = Field(default=1.0, ge=0, description="power of the entropy in EAST's weight")
    inline: bool = Field(
        default=False, description="imitate attempt, critique and revision as one sequence"
    )
    shares: tuple[float, float, float] = Field(
        default=(1.0, 1.0, 1.0),
        description="inline: weights of earlier attempts, of critiques, and of what it ends with",
    )

    @property
    def rehearses(self) -> bool:
        """Whether it learns from what the school showed instead of from what was sampled."""
        return self.demonstrations

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every answer that is imitated."""
        kept: list[Kept] = []
        known: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        for told in (each for group in groups for each in group.trajectories):
            found = self._accepted(told, links)
            if isinstance(found, Dropped):
                yield found
            elif not self.demonstrations and (found.prompt, found.tokens) in known:
                yield from drop("same answer", [told])
            else:
                known.add((found.prompt, found.tokens))
                kept.append((told, found))
        yield from self._weighed(kept, links)

    def render(self, told: Trajectory, links: Links) -> Rendering:
        """Return an answer, or with `inline` all that led to it, under the prompt it trains under.

        Raises:
            NoBarePromptError: the round has no such prompt.
        """
        return inline(told, links) if self.inline else super().render(told, links)

    def _accepted(self, told: Trajectory, links: Links) -> Rendering | Dropped:
        reason = "" if self.demonstrations else self._refused(told, links)
        return next(drop(reason, [told])) if reason else self.rendered(told, links)

    def _refused(self, told: Trajectory, links: Links) -> str:
        if self.inline and not links.ends(told):
            return "told with what followed"
        if self.accept == "all":
            return ""
        if told.reward is None:
            return "no grade"
        return "below threshold" if told.reward < self.threshold else ""

    def _weighed(self, kept: Sequence[Kept], links: Links) -> Iterator[Sample | Dropped]:
        most = None if self.demonstrations else self.max_per_task
        chosen = picked([told for told, _ in kept], most, self.pick)
        for told, _ in kept:
            yield from drop("enough of its task", [told] if told.source not in chosen else [])
        taken = [(told, rendering) for told, rendering in kept if told.source in chosen]
        each_weight = weights(
            [told for told, _ in taken],
            links,
            self.weigh,
            threshold=self.threshold,
            exponent=self.exponent,
        )
        for (told, rendering), weight in zip(taken, each_weight, strict=True):
            if weight == 0:
                yield from drop("no weight", [told])
                continue
            last, factor = told.source, self.weight * weight

            def share(part: Trajectory, last: int = last, factor: float = factor) -> float:
                return factor * self._share(part, last)

            yield sample(told, rendering, share, CrossEntropy())

    def _share(self, part: Trajectory, last: int) -> float:
        earlier, critique, end = self.shares if self.inline else (1.0, 1.0, 1.0)
        if part.source == last:
            return end
        return critique if part.sort == "critique" else earlier
