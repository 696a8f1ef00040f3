"""The archive: tasks of earlier rounds, to tell whether a new one is nearly one of them.

Two tasks are compared by the Jaccard similarity of their shingles: runs of four tokens, where a
letter that stands alone is any letter, so that renaming labels or variables changes nothing.
R-Zero (2508.05004) penalises what is alike within a batch only, and poses the same questions again
in other rounds; so the whole archive counts here.
"""

import hashlib
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Sequence

_TOKEN = re.compile(
    r"[a-z]+|[0-9]+|[^ \t\r\na-z0-9]"
)  # in lower case; the macro `shingles` has it too
_RUN = 4  # tokens in a shingle
_SLACK = 1e-9  # 0.9 * 10 must not count as more than 9
_SKETCH = 256  # smallest hashes that stand for a long task (Broder 1997)

Shingles = tuple[int, ...]


def tokens(text: str) -> list[str]:
    """Return the words, numbers and signs of a text, with lone letters as `x`."""
    found: list[str] = _TOKEN.findall(text.lower())
    return ["x" if len(each) == 1 and "a" <= each <= "z" else each for each in found]


def runs(text: str) -> frozenset[str]:
    """Return the shingles of a text as text; one that is shorter than a shingle is one."""
    said = tokens(text)
    last = max(len(said) - _RUN, 0)
    return frozenset(" ".join(said[at : at + _RUN]) for at in range(last + 1))


def shingles(text: str) -> Shingles:
    """Return the hashes of a text's shingles in ascending order, at most 256."""
    hashes = (hashlib.blake2b(each.encode(), digest_size=8).digest() for each in runs(text))
    return tuple(sorted(int.from_bytes(each) for each in hashes)[:_SKETCH])


def similarity(one: Shingles, other: Shingles) -> float:
    """Return the Jaccard similarity of two tasks, in [0, 1]."""
    shared = len(set(one).intersection(other))
    return shared / (len(one) + len(other) - shared)


class Archive:
    """The last tasks that were posed, by their shingles. The same tasks give the same answers."""

    def __init__(self, near: float, capacity: int) -> None:
        """Call tasks of a similarity of `near` one; remember `capacity` of them."""
        self._near = near
        self._capacity = capacity
        self._tasks: OrderedDict[int, Shingles] = OrderedDict()
        self._holders: dict[int, list[int]] = defaultdict(list)

    def add(self, seq: int, task: Shingles) -> None:
        """Remember the task of event `seq`; the oldest is forgotten where there is no room."""
        for each in self._prefix(task):
            self._holders[each].append(seq)
        self._tasks[seq] = task
        if len(self._tasks) > self._capacity:
            oldest, forgotten = self._tasks.popitem(last=False)
            for each in self._prefix(forgotten):
                self._holders[each].remove(oldest)
                if not self._holders[each]:
                    del self._holders[each]

    def nearest(self, task: Shingles, parent: int | None = None) -> float:
        """Return the similarity of the most similar task; 0 where none is near.

        The task that this one extends is near by nature, and counts only if nothing was added.
        """
        found = ((each, similarity(task, self._tasks[each])) for each in self._candidates(task))
        near = (alike for each, alike in found if each != parent or alike == 1)
        return max((alike for alike in near if alike >= self._near), default=0.0)

    def _candidates(self, task: Shingles) -> set[int]:
        return {at for each in self._prefix(task) for at in self._holders.get(each, ())}

    def _prefix(self, task: Shingles) -> Sequence[int]:
        """Return the hashes of which near tasks share one at least (Chaudhuri et al. 2006)."""
        least = math.ceil(self._near * len(task) - _SLACK)
        return task[: len(task) - least + 1]


def clusters(tasks: Sequence[Shingles], near: float) -> list[int]:
    """Return the sizes of the clusters that near tasks form, the largest first."""
    leader = list(range(len(tasks)))
    for at, task in enumerate(tasks):
        for before in range(at):
            if leader[at] != leader[before] and similarity(task, tasks[before]) >= near:
                old, new = leader[at], leader[before]
                leader = [new if each == old else each for each in leader]
    return sorted((leader.count(each) for each in set(leader)), reverse=True)
