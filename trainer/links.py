"""Links: what in a round is about what. Pure, and made anew wherever it is needed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from simctl.trainer.trajectory import Group, Trajectory

SOLUTIONS = frozenset({"attempt", "hinted", "continued"})  # what the solver says without an attempt


class Links:
    """Finds the attempts at a task, and what was said of each."""

    def __init__(self, groups: Sequence[Group]) -> None:
        """Look through a round's groups; demonstrations are about nothing."""
        self._by_source: dict[int, Trajectory] = {}
        self._solutions: dict[int, list[Trajectory]] = defaultdict(list)
        self._critiques: dict[int, list[Trajectory]] = defaultdict(list)
        self._revisions: dict[int, list[Trajectory]] = defaultdict(list)
        told = [each for group in groups for each in group.trajectories if not each.demonstrated]
        for each in sorted(told, key=_as_asked):
            self._by_source[each.source] = each
            if each.sort in SOLUTIONS:
                self._solutions[each.about].append(each)
            elif each.of is not None and each.sort == "critique":
                self._critiques[each.of].append(each)
            elif each.of is not None and each.sort == "revised":
                self._revisions[each.of].append(each)

    def said(self, source: int | None) -> Trajectory | None:
        """Return the answer of an event, if it is one of this round."""
        return None if source is None else self._by_source.get(source)

    def attempts(self, task: int) -> list[Trajectory]:
        """Return the solver's attempts at a task that saw nothing but the task."""
        return [each for each in self.solutions(task) if each.sort == "attempt"]

    def solutions(self, task: int) -> list[Trajectory]:
        """Return the solver's attempts at a task, unaided, after a hint or after a prefix."""
        return self._solutions.get(task, [])

    def tries(self, task: int) -> list[Trajectory]:
        """Return all that the solver tried at a task, its revisions too."""
        made = [each for some in self._revisions.values() for each in some if each.about == task]
        return self.solutions(task) + made

    def critiques(self, attempt: Trajectory) -> list[Trajectory]:
        """Return what critic and teacher said of an attempt."""
        return self._critiques.get(attempt.source, [])

    def revisions(self, attempt: Trajectory) -> list[Trajectory]:
        """Return what the solver made of an attempt when it tried again."""
        return self._revisions.get(attempt.source, [])

    def corrections(self, critique: Trajectory) -> list[Trajectory]:
        """Return the revisions that were made with this critique in view.

        Revisions of an attempt were asked for once for each of its critiques, in their order, or
        once for the last. Those of the teacher, who had the reference, come before the critic's.
        """
        attempt = self.said(critique.of)
        if attempt is None:
            return []
        revisions = self.revisions(attempt)
        asks = list(dict.fromkeys(each.cause for each in revisions))
        every = self.critiques(attempt)
        shown = [e.source for e in every if e.role == "teacher"] or [e.source for e in every]
        if len(asks) == 1:
            shown = shown[-1:]
        if len(asks) != len(shown) or critique.source not in shown:
            return []
        asked = asks[shown.index(critique.source)]
        return [each for each in revisions if each.cause == asked]

    def critique_of(self, revision: Trajectory) -> Trajectory | None:
        """Return the critique that a revision was made with."""
        attempt = self.said(revision.of)
        every = [] if attempt is None else self.critiques(attempt)
        return next((each for each in every if self._led(each, revision)), None)

    def _led(self, critique: Trajectory, revision: Trajectory) -> bool:
        return any(each.source == revision.source for each in self.corrections(critique))

    def chain(self, told: Trajectory) -> list[Trajectory]:
        """Return how an answer came about: attempt, critique, revision, critique, and so on."""
        before: Trajectory | None = None
        if told.sort == "revised":
            before = self.critique_of(told) or self.said(told.of)
        elif told.sort == "critique":
            before = self.said(told.of)
        return [told] if before is None else [*self.chain(before), told]

    def ends(self, told: Trajectory) -> bool:
        """Whether nothing followed from an answer that could be read on after it."""
        if told.sort == "critique":
            return not self.corrections(told)
        return not self.critiques(told) and not self.revisions(told)

    def solve_rate(self, task: int, threshold: float) -> float | None:
        """Return the share of the unaided attempts at a task that earned `threshold`; if any."""
        return _share(self.attempts(task), threshold)

    def outcome(self, told: Trajectory, threshold: float) -> float | None:
        """Return the share of right solutions among those that begin as `told` does; if any.

        It is the tree's label of a partial solution (ReST-MCTS*, Zhang et al. 2406.03816).
        """
        begun = (e for e in self.solutions(told.about) if e.text.startswith(told.stem))
        return _share(begun, threshold)


def rewards_of(told: Iterable[Trajectory]) -> list[float]:
    """Return the rewards of those that were graded."""
    return [each.reward for each in told if each.reward is not None]


def _share(told: Iterable[Trajectory], threshold: float) -> float | None:
    known = rewards_of(told)
    return fmean(reward >= threshold for reward in known) if known else None


def _as_asked(told: Trajectory) -> tuple[int, int]:
    """Return what to sort by: answers of workers come in any order, asks do not."""
    return told.source if told.cause is None else told.cause, told.source
