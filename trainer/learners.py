"""The learners: one for the weights that roles share, and one for each copy."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from simctl.bus.asks import Role
from simctl.bus.messages import Probe
from simctl.store.policies import COPIES, copy_of
from simctl.trainer.company import ALONE, Company, together
from simctl.trainer.learner import Learner, fixed
from simctl.trainer.promotion import Promotion, Studied
from simctl.trainer.sample import Sample
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import Trajectory

PROBES = 4  # of each set of weights
Row = tuple[tuple[int, ...], tuple[int, ...]]  # a prompt and an answer
BEGIN = "begin"  # what a company is told when there are learners to be made


class Learners:
    """Own all weights of a run. A sample moves those of its role, and no others.

    Each learns as it would alone: the steps of one are not felt by another. In memory each holds
    the weights, their gradient and two moments, and a teacher that moves; whatever stays as the run
    began is held once.
    """

    def __init__(
        self, path: Path, base: Path, training: Training, company: Company = ALONE
    ) -> None:
        """Load the policy in `path`; `base` holds the run's first version.

        A role that has no copy yet begins with the weights that are shared. Every process of a
        `company` has learners, and does what those of the leader are asked.
        """
        self.company = company
        company.tell(BEGIN, path, base, training)
        fix = cache(partial(fixed, company=company, device=training.trainer.device))
        self._shared = Learner(path, base, training, None, fix, company)
        self._own: dict[Role, Learner] = {
            role: Learner(copy_of(path, role), copy_of(base, role), training, role, fix, company)
            for role in training.trainer.separate
        }

    @together
    def learn(self, samples: Sequence[Sample], version: int) -> dict[str, float]:
        """Learn from the samples of the round that makes `version`; return the metrics.

        What is measured of a copy begins with its role.
        """
        metrics = self._shared.learn(self._of(None, samples), version)
        for role, learner in self._own.items():
            learnt = learner.learn(self._of(role, samples), version)
            metrics |= {_named(name, role): value for name, value in learnt.items()}
        return metrics

    def promote(self, promotion: Promotion, told: Sequence[Trajectory]) -> None:
        """Let the solver's weights take the steps of the copy that is promoted."""
        self.imitate(promotion.examples(told), promotion.exam)

    @together
    def imitate(self, examples: Sequence[Sample], study: Studied) -> None:
        """Let the solver's weights take the steps that a copy took on these examples."""
        self._own.get("solver", self._shared).imitate(examples, study)

    def probes(self, told: Sequence[Trajectory]) -> tuple[Probe, ...]:
        """Return what the shared weights give to some answers of the roles that share them."""
        return self.score(None, _rows(self._said(None, told)))

    def probes_of_copies(self, told: Sequence[Trajectory]) -> dict[str, tuple[Probe, ...]]:
        """Return the same of each copy, by its role."""
        return {role: self.score(role, _rows(self._said(role, told))) for role in self._own}

    @together
    def score(self, whose: Role | None, rows: Sequence[Row]) -> tuple[Probe, ...]:
        """Return what a role's own weights, or for None the shared ones, give to answers."""
        learner = self._shared if whose is None else self._own[whose]
        return learner.probes(rows)

    @together
    def leaning(self, sample: Sample) -> list[float] | None:
        """Return how much likelier the teacher finds each token (T) than the weights, in nats."""
        return self._own.get(sample.role, self._shared).leaning(sample)

    @together
    def save(self, path: Path) -> None:
        """Write all weights and optimiser states into a policy directory."""
        self._shared.save(path)
        for role, learner in self._own.items():
            learner.save(path / COPIES / role)

    @together
    def restore(self, path: Path) -> None:
        """Go on with the optimiser states of a policy directory; the first version has none."""
        self._shared.restore(path)
        for role, learner in self._own.items():
            learner.restore(copy_of(path, role))

    def _of(self, whose: Role | None, samples: Sequence[Sample]) -> list[Sample]:
        return [each for each in samples if self._whose(each.role) == whose]

    def _said(self, whose: Role | None, told: Sequence[Trajectory]) -> list[Trajectory]:
        return [each for each in told if self._whose(each.role) == whose]

    def _whose(self, role: Role) -> Role | None:
        return role if role in self._own else None


def spread(told: Sequence[Trajectory], count: int = PROBES) -> list[Trajectory]:
    """Return up to `count` trajectories from all over the round."""
    return [told[at * len(told) // count] for at in range(min(count, len(told)))]


def _rows(told: Sequence[Trajectory]) -> list[Row]:
    return [(each.prompt, each.tokens) for each in spread(told)]


def _named(name: str, role: Role) -> str:
    """Return the name of a copy's metric; what ends with the role already says whose it is."""
    return name if name.endswith(f"/{role}") else f"{role}/{name}"
