"""Objectives: pure functions from the groups of a round to samples. One class a method."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from pydantic import Field

from simctl.bus.asks import ROLES, Role
from simctl.bus.values import Value
from simctl.trainer.context import NO_PROMPT, Context, NoBarePromptError, Rendering, bare, own
from simctl.trainer.credit import AnyCredit, credited
from simctl.trainer.links import Links
from simctl.trainer.sample import Dropped, Loss, Sample
from simctl.trainer.select import within
from simctl.trainer.trajectory import Group, Sort, Trajectory


class Objective(Value, ABC):
    """What to learn from which roles. Its fields are its settings in a recipe."""

    roles: tuple[Role, ...] = Field(
        default=ROLES, min_length=1, description="whose answers train; others are left alone"
    )
    kinds: tuple[Sort, ...] = Field(
        default=(),
        description="which of their answers train, as attempt, hinted, continued (after a prefix), "
        "revised, lesson or critique; empty for all",
    )
    weight: float = Field(
        default=1.0, gt=0, description="factor of this objective in the loss of the whole step"
    )
    threshold: float = Field(
        default=1.0, description="least reward of an answer that counts as right"
    )
    band: tuple[float, float] | None = Field(
        default=None,
        description="least and greatest solve rate of the tasks that train; none for all tasks",
    )
    credit: tuple[AnyCredit, ...] = Field(
        default=(), description="changes to the rewards that need the whole round, in their order"
    )
    rounds_on: int = Field(default=1, ge=1, description="rounds in which it trains, and then rests")
    rounds_off: int = Field(default=0, ge=0, description="rounds in which it rests; 0 for never")
    offset: int = Field(default=0, ge=0, description="rounds by which this alternation is put off")

    @property
    def taught(self) -> bool:
        """Whether its samples need the weights of a teacher beside the student's."""
        return False

    @abstractmethod
    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Turn this objective's groups into samples, and say why other answers do not train."""

    def samples(self, groups: Sequence[Group]) -> Iterator[Sample | Dropped]:
        """Give the samples of a round's groups, and say of all other answers why there is none."""
        links = Links(groups)
        mine: list[Group] = []
        for group in credited(self.own(groups), self.credit, links):
            fit, unfit = list[Trajectory](), list[Trajectory]()
            for told in group.trajectories:
                (fit if self._fits(told, links) else unfit).append(told)
            yield from drop("outside the band", unfit)
            if fit:
                mine.append(Group(group.role, group.kind, tuple(fit)))
        if self.trains(_round(groups)):
            yield from self.learn(mine, links)
        else:
            for group in mine:
                yield from drop("not its turn", group.trajectories)

    def own(self, groups: Sequence[Group]) -> list[Group]:
        """Return the groups of this objective's roles and kinds."""
        return [
            group
            for group in groups
            if group.role in self.roles
            and group.trajectories[0].demonstrated == self.rehearses
            and (not self.kinds or self.rehearses or group.sort in self.kinds)
        ]

    def _fits(self, told: Trajectory, links: Links) -> bool:
        if self.band is None:
            return True
        return within(links.solve_rate(told.about, self.threshold), self.band)

    @property
    def rehearses(self) -> bool:
        """Whether it learns from what the school showed instead of from what was sampled."""
        return False

    def trains(self, round_: int) -> bool:
        """Tell whether it learns in this round, the first being 1."""
        return (round_ - 1 - self.offset) % (self.rounds_on + self.rounds_off) < self.rounds_on


class Contextual(Objective):
    """An objective whose answers may train under another prompt than the one they were given to."""

    context: Context = Field(
        default="own",
        description="bare: what was said with a hint, a privileged view or an attempt in view "
        "trains under the prompt of an unaided answer; own: under its own",
    )
    correct_ratio: bool = Field(
        default=False,
        description="under the bare prompt, the ratio is to what was logged with help; otherwise "
        "it starts at 1",
    )
    prefix_share: float = Field(
        default=0.0,
        ge=0,
        description="under the bare prompt, share of an answer's weight on the prefix it went on "
        "from",
    )

    def render(self, told: Trajectory, links: Links) -> Rendering:
        """Return an answer under the prompt that it trains under.

        Raises:
            NoBarePromptError: the round has no such prompt.
        """
        if self.context == "own":
            return own(told)
        return bare(told, links, correct_ratio=self.correct_ratio, prefix_share=self.prefix_share)

    def rendered(self, told: Trajectory, links: Links) -> Rendering | Dropped:
        """Return an answer under the prompt that it trains under, or why it does not."""
        try:
            return self.render(told, links)
        except NoBarePromptError:
            return Dropped(role=told.role, reason=NO_PROMPT, sources=(told.source,))


def drop(reason: str, trajectories: Sequence[Trajectory]) -> Iterator[Dropped]:
    """Say that these trajectories, all of one role, do not train."""
    if trajectories:
        sources = tuple(each.source for each in trajectories)
        yield Dropped(role=trajectories[0].role, reason=reason, sources=sources)


def sample(  # noqa: PLR0913 - what some losses need besides
    told: Trajectory,
    rendering: Rendering,
    weigh: float | Callable[[Trajectory], float],
    loss: Loss,
    *,
    teacher_prompt: tuple[int, ...] | None = None,
    teacher_source: int | None = None,
    rejected: tuple[int, ...] | None = None,
    target: float | None = None,
) -> Sample:
    """Return an answer as a sample; `weigh` is its weight, or that of each answer it is made of."""
    weights = rendering.weights(weigh if callable(weigh) else lambda _: weigh)
    return Sample(
        role=told.role,
        policy_version=told.policy_version,
        source=told.source,
        prompt=rendering.prompt,
        tokens=rendering.tokens,
        logprobs=rendering.logprobs,
        # what the logged log-probabilities belong to: 1 for a greedy answer
        temperature=told.temperature or 1.0,
        weights=weights,
        loss=loss,
        teacher_prompt=teacher_prompt,
        teacher_source=teacher_source,
        rejected=rejected,
        target=target,
    )


def _round(groups: Sequence[Group]) -> int:
    return groups[0].trajectories[0].round if groups else 1
