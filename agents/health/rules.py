"""Rules: which numbers of a round are beyond their bounds, and in which words.

The levels are the collapse detectors of self-play with the magnitudes that were seen: starved
groups (SGS with CISPO, 2604.20209), tasks that are invalid (SSP), swollen (SGS without its guide),
repeated (R-Zero, 2508.05004) or labelled wrongly (R-Zero), entropy that falls, and solve rates
that rise without the held-out targets. Where those targets are solved, sure answers are what was
wanted; so are easy tasks, if whoever poses them makes harder ones than at first.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from simctl.agents.health.course import EVALUATIONS, Course
from simctl.agents.health.levels import Levels
from simctl.bus.asks import ROLES

Metrics = Mapping[str, float]
# three times as much is three times the odds, and three times almost nothing is almost nothing
_SHARES = ("tasks/degenerate",)
_LEAST_SHARE = 0.2
_LEAST_ENTROPY = 0.1  # nats: below it a role is sure, however often it doubles
_SIZES = (
    "tasks/length",
    "tasks/operators",
    "tasks/difficulty",
    *_SHARES,
    *(f"completions/{role}/mean_length" for role in ROLES),
)


class Reading(NamedTuple):
    """A number against its bound. `settled` ones look back over rounds by themselves."""

    name: str
    value: float
    bound: float
    beyond: bool
    text: str
    settled: bool = False


def readings(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    """Give every number of a round that can be judged, with its bound."""
    for rule in (_informative, _valid, _sizes, _repeats, _labels, _entropy, _targets, _best_of_k):
        yield from rule(metrics, course, levels)
    yield from _errors(metrics, levels)


def _informative(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    for role in ROLES:
        if metrics.get(f"groups/{role}", 0) >= levels.least:
            share = 1 - metrics[f"frac_reward_zero_std/{role}"]
            ends = metrics.get("solve_rate/100", 0) - metrics.get("solve_rate/0", 0)
            text = f"rewards differ in {share:.0%} of the {role}'s groups: there is little to learn"
            if role == "solver" and ends:
                text += f", most tasks are {'too easy' if ends > 0 else 'too hard'}"
            ahead = ends > 0 and _is_ahead(course, levels)
            low = share < levels.informative and not ahead
            yield Reading(f"informative/{role}", share, levels.informative, low, text)


def _valid(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    if metrics.get("tasks/count", 0) < levels.least:
        return
    share, first = metrics["tasks/valid"], course.beginning("tasks/valid")
    bound = max(levels.valid, (first or 0.0) - levels.valid_drop)
    text = f"{share:.0%} of the tasks are valid"
    if first is not None:
        text += f", after {first:.0%} at the beginning"
    yield Reading("valid", share, bound, share < bound, text)


def _sizes(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    harder = max(1.0, course.growth("difficulty") or 1.0)
    for name in _SIZES:
        first = course.beginning(name)
        if name in metrics and first is not None:
            bound = levels.growth * first
            if name.startswith("completions/"):
                bound *= harder  # a harder task has a longer solution
            if name in _SHARES:
                bound = max(_share(bound / (1 - first)) if first < 1 else 1.0, _LEAST_SHARE)
            what = _words(name)
            text = f"{what} is {metrics[name]:.3g}, after {first:.3g} at the beginning"
            yield Reading(
                f"growth/{_short(name)}", metrics[name], bound, metrics[name] > bound, text
            )


def _repeats(metrics: Metrics, _: Course, levels: Levels) -> Iterator[Reading]:
    if metrics.get("tasks/count", 0) < levels.least:
        return
    earlier, within = metrics["duplicates/archive"], metrics["duplicates/cluster"]
    if within > levels.cluster and earlier <= levels.duplicates:
        text = f"{within:.0%} of the round's tasks are nearly the same one"
        yield Reading("duplicates", within, levels.cluster, True, text)
    else:
        text = f"{earlier:.0%} of the tasks are nearly the same as one of an earlier round"
        beyond = earlier > levels.duplicates
        yield Reading("duplicates", earlier, levels.duplicates, beyond, text)


def _labels(metrics: Metrics, _: Course, levels: Levels) -> Iterator[Reading]:
    if metrics.get("labels/count", 0) >= levels.least:
        share, bound = metrics["labels/accuracy"], levels.label_accuracy
        text = f"the labels that pay agree with the verifier in {share:.0%} of the answers"
        yield Reading("label_accuracy", share, bound, share < bound, text)


def _entropy(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    for role in ROLES:
        name = f"entropy/{role}"
        first = course.beginning(name)
        if name not in metrics or first is None:
            continue
        value, low, high = metrics[name], levels.entropy_low * first, levels.entropy_high * first
        text = f"the {role}'s entropy is {value:.2g} nats, after {first:.2g} at the beginning"
        sure = value < low and not course.is_mastered(levels.mastered)
        beyond = max(value, first) >= _LEAST_ENTROPY and (sure or value > high)
        yield Reading(name, value, high if value > first else low, beyond, text)


def _targets(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    """Compare with two evaluations ago: solve rates of what is made rise, held-out ones do not."""
    past = list(course.evaluations)
    if course.target not in metrics or len(past) < EVALUATIONS:
        return
    (before, s_before), (between, _), (now, s_now) = past
    if s_before is not None and s_now is not None:
        rose = s_now - s_before >= levels.rise
        text = (
            f"the targets' score stays at {now:.0%} ({before:.0%} two evaluations ago), while the "
            f"solve rate of the society's own tasks rose from {s_before:.0%} to {s_now:.0%}"
        )
        flat = max(between, now) <= before + levels.flat
        if rose or not flat:  # where neither moves there is no news
            beyond = flat and not course.is_mastered(levels.mastered)
            yield Reading("targets", now, before + levels.flat, beyond, text, settled=True)


def _best_of_k(metrics: Metrics, course: Course, levels: Levels) -> Iterator[Reading]:
    """Judge pass@k at the largest k, as a sharpened policy finds less than the base."""
    prefix = f"eval/{levels.targets}/pass@"
    found = [name for name in metrics if name.startswith(prefix)]
    if found:
        name = max(found, key=lambda each: int(each.removeprefix(prefix)))
        first = course.first.get(name, metrics[name])
        text = f"pass@{name.removeprefix(prefix)} is {metrics[name]:.0%}, and was {first:.0%}"
        bound = first - levels.pass_drop
        yield Reading("pass_at_k", metrics[name], bound, metrics[name] < bound, text, settled=True)


def _errors(metrics: Metrics, levels: Levels) -> Iterator[Reading]:
    if "errors" in metrics:
        share = metrics["errors"]
        text = f"{share:.1%} of episodes and grades failed"
        yield Reading("errors", share, levels.errors, share > levels.errors, text)


def _is_ahead(course: Course, levels: Levels) -> bool:
    """Whether easy tasks are what was wanted: the targets are solved, and tasks became harder."""
    harder = course.growth("tasks/difficulty")
    return course.is_mastered(levels.mastered) and (harder is None or harder >= levels.harder)


def _share(odds: float) -> float:
    return odds / (1 + odds)


def _short(name: str) -> str:
    first, second, *_ = name.split("/")
    return second if first == "tasks" else f"{second}_length"


def _words(name: str) -> str:
    first, second, *_ = name.split("/")
    if first == "completions":
        return f"the mean length of the {second}'s answers"
    return {
        "length": "the mean length of a task",
        "operators": "the mean number of signs in a task",
        "difficulty": "the mean difficulty of a task",
        "degenerate": "the share of a task's steps that need no thought",
    }[second]
