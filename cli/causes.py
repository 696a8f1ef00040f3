"""Causes: why an alarm probably rang, and what to try. By the recipe first, else by the papers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simctl.cli.checkup import Trouble


@dataclass(frozen=True)
class Explanation:
    """The headline of an alarm, the facts that show it, its probable cause and a remedy."""

    headline: str
    facts: tuple[str, ...]
    cause: str
    remedy: str
    role: str = "solver"


_TASKS = ("example", "ends", "difficulty", "degenerate")
_EASY_PAY = (
    "the examiner is paid by how well its tasks are solved "
    '(episode.examiner_reward = "solvability"), so easy ones pay best'
)
_UNGUIDED = "no guide scales what the examiner earns (episode.guided = false), so ugly tasks pay"
_PUNISHED = (
    "an invalid task costs the examiner (episode.invalid_reward < 0): where most are, what it did "
    "right is pushed away with them (SSP)"
)
_FORGIVE = "--set episode.invalid_reward=0"
_UNKNOWN = "the alarm is of another version of simctl"
_LOOK = "look at: simctl query 'from alarms'"
_KNOWN = {
    "valid": Explanation(
        "the examiner poses tasks that are not valid",
        ("valid", "gate"),
        "it drifts from the form that it was taught",
        "rehearse (recipe rehearsal), or lower trainer.learning_rate",
    ),
    "duplicates": Explanation(
        "the examiner repeats itself",
        ("repeats", "cluster", *_TASKS),
        "it found tasks that pay and nothing pays for new ones (R-Zero)",
        "pay for novelty, or extend earlier tasks more often (curriculum.extend_share)",
    ),
    "label_accuracy": Explanation(
        "the labels that pay are often wrong",
        ("labels", "rate", "targets"),
        "a policy that labels for itself agrees with its own mistakes more and more (R-Zero)",
        "ask for larger majorities, mix in verified tasks, or let another policy label",
    ),
    "targets": Explanation(
        "the society gets better at its own tasks, and at nothing else",
        ("targets", "rate", "difficulty", "degenerate"),
        "its tasks are no use for the held-out ones (SGS without a guide or without targets)",
        "let a guide judge the tasks, or show the examiner unsolved targets",
    ),
    "pass_at_k": Explanation(
        "the policy finds less than the first one did in many attempts",
        ("best_of_k", "targets", "entropy"),
        "it was sharpened around what it could do already",
        "sample hotter, keep failed groups with a hint, or add a KL term (beta)",
    ),
    "errors": Explanation(
        "roles or verifiers fail",
        ("errors", "failure"),
        "what cannot be graded counts as wrong, and poisons the solve rates",
        "look at: simctl query 'from role_failed'",
    ),
}
_SIZES = {
    "length": "tasks swell",
    "operators": "tasks swell",
    "difficulty": "tasks grow far harder",
    "degenerate": "tasks become trivial",
}


def explain(trouble: Trouble, episode: Mapping[str, Any], *, too_easy: bool) -> Explanation:
    """Return what an alarm means where tasks are `too_easy` or too hard.

    `episode` is that table of the run's recipe.
    """
    family, _, detail = trouble.name.partition("/")
    match family:
        case "informative":
            found = _starved(detail, too_easy=too_easy)
        case "growth":
            found = _grown(detail)
        case "entropy":
            return _entropy(detail, fell=trouble.value < trouble.bound)
        case "valid" if episode.get("invalid_reward", 0) < 0:
            found = replace(_KNOWN["valid"], cause=_PUNISHED, remedy=_FORGIVE)
        case _:
            found = _KNOWN.get(trouble.name) or Explanation(trouble.text, (), _UNKNOWN, _LOOK)
    if family in {"duplicates", "targets"} or (family == "informative" and too_easy):
        return _by_pay(found, episode)
    return _by_pay(found, episode) if detail == "degenerate" else found


def _by_pay(found: Explanation, episode: Mapping[str, Any]) -> Explanation:
    """Name what the examiner is paid for, where that is known to end so."""
    reasons, sets = [], []
    if episode.get("examiner_reward") == "solvability":
        reasons.append(_EASY_PAY)
        sets.append("--set episode.examiner_reward=frontier")
    if episode.get("guided") is False:
        reasons.append(_UNGUIDED)
        sets.append("--set episode.guided=true")
    if not reasons:
        return found
    return replace(found, cause="; and ".join(reasons), remedy=" ".join(sets))


def _starved(role: str, *, too_easy: bool) -> Explanation:
    if too_easy:
        return Explanation(
            f"the tasks are too easy: the {role} has little to learn from",
            ("informative", "ends", "difficulty", "degenerate", "repeats", "targets"),
            "who chooses the tasks does not keep up with the solver",
            "make them harder: curriculum.max_difficulty, or an examiner paid at the frontier",
            role,
        )
    return Explanation(
        f"the tasks are too hard: the {role} has little to learn from",
        ("informative", "ends", "rate", "targets"),
        "whole groups fail, and equal rewards give no gradient",
        "begin easier, take larger groups (episode.num_generations), or give hints",
        role,
    )


def _grown(what: str) -> Explanation:
    role = what.removesuffix("_length")
    if role != what:
        return Explanation(
            f"the {role}'s answers swell",
            ("spoken", "entropy", "rate"),
            "length pays by accident, or the policy no longer ends what it says",
            "lower trainer.learning_rate, or sampling.max_completion_length",
            role,
        )
    return Explanation(
        _SIZES[what],
        (what, "length", "rate", "targets") if what != "length" else (what, "rate", "targets"),
        "the examiner's reward pays for this without meaning to (SGS without its guide)",
        "let a guide judge the tasks: --set episode.guided=true",
    )


def _entropy(role: str, *, fell: bool) -> Explanation:
    facts = ("entropy", "ends", "targets")
    if fell:
        return Explanation(
            f"the {role} has become too sure",
            facts,
            "it repeats the few answers that paid, and explores no others",
            "lower trainer.learning_rate, sample hotter, or clip less upwards (epsilon_high)",
            role,
        )
    return Explanation(
        f"the {role} falls apart",
        facts,
        "updates are too large, or rewards push away more than they pull",
        "lower trainer.learning_rate, or rehearse (recipe rehearsal)",
        role,
    )
