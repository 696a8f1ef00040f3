"""The gallery: docs/recipes.md, made from the recipes. `python docs/gallery.py` writes it anew.

`--check` writes nothing, and ends with 1 where the page is not what the files say.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from simctl.agents.episodes.propose import Propose
from simctl.agents.episodes.revise import Revise
from simctl.agents.practice import Practice
from simctl.cli.recipe import Recipe, load, names

PAGE = Path(__file__).with_name("recipes.md")
_HEAD = """# Recipes

<!-- made by docs/gallery.py from recipes/*.toml: change those, and run it -->

All {count} recipes of the package. `simctl run NAME` plays one, `simctl recipes show NAME` says
what each key means, and `simctl compare NAME NAME:ARM --tokens 40000 --seeds 0 1 2` plays an
ablation arm beside it. A recipe of your own begins with `extends = "NAME"`: see
[tutorial.md](tutorial.md).

*Says* is who speaks in an episode, in order, as the settings have it; *learns* is whose answers
train, and by which objective. All roles share one set of weights unless a recipe says otherwise.
"""
FAMILIES = {
    "To begin with, the default, baselines, control": (
        "first", "society", "grpo", "uniform", "rehearsal",
    ),
    "Self-play and curricula": (
        "pi_play", "sgs", "soar", "seif", "r_zero", "absolute_zero", "agent0", "pasodoble",
        "socratic_zero", "sec", "adcl", "exit", "self_improving_transformers", "ssp",
    ),
    "Distillation from a privileged view": (
        "opsd", "feedback_alignment", "atesd", "skill_sd", "sd_zero", "sdpo", "distil",
        "pi_distill", "expo", "guide",
    ),
    "Feedback, correction, critique": (
        "rltf_sd", "rltf_fm", "score", "s2r", "revise", "reflect_retry_reward", "self_refine",
        "thinktuning", "scrit", "critic_cot", "spc", "agent_r", "evolve",
    ),
    "Self-training": (
        "star", "rft", "v_star", "b_star", "gsi", "hs_star", "east", "lmsi", "srt", "nft",
        "multiagent_finetuning", "seal", "tt_si",
    ),
    "Self-reward, search, tools, skills": (
        "self_rewarding", "meta_rewarding", "temporal_self_rewarding", "sharpening", "rest_mcts",
        "self_eval_beam", "wcr", "self_challenging", "skill_composer",
    ),
    "Teaching those who know less": ("lbt", "stat"),
}  # fmt: skip
_WHEN = {
    "always": "always",
    "on_all_fail": "where all fail",
    "on_few": "where less than half are right",
}
_SCORES = {
    "verify": "verifier grades",
    "vote": "attempts vote on the answer",
    "judge": "critic judges",
    "likelihood": "policy scores its own answers by likelihood",
}
_REMARKS = {
    "critic": "critic criticises",
    "teacher": "teacher criticises with the reference in view",
    "verdict": "verifier says right or wrong",
    "fellow": "solver sees another attempt",
    "none": "nobody remarks",
}
_BEFORE = {"critique": ("critic finds the first wrong step",), "skill": ("guide names the skill",)}
_VIEWS = {"attempt": "a bit of the verdict", "sibling": "another that is right", "blank": "nothing"}


def page() -> str:
    """Return the text of the page."""
    known = [name for family in FAMILIES.values() for name in family]
    if sorted(known) != names():
        odd = sorted(set(known) ^ set(names()))
        raise SystemExit(f"a recipe belongs to one family in docs/gallery.py: {', '.join(odd)}")
    return "\n".join([*_head(len(known)), *(line for each in FAMILIES for line in _family(each))])


def _head(count: int) -> Iterator[str]:
    yield _HEAD.format(count=count)
    for family, members in FAMILIES.items():
        links = ", ".join(f"[{name}](#{name})" for name in members)
        yield f"- {family}: {links}"
    yield ""


def _family(title: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    for name in FAMILIES[title]:
        yield from _recipe(name, load(name))


def _recipe(name: str, recipe: Recipe) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield f"{recipe.description}."
    yield ""
    rows = {
        "paper": recipe.paper,
        "as published": recipe.faithful,
        "substituted": recipe.substituted,
        "says": " → ".join(says(recipe)),
        "learns": learns(recipe),
        "own weights": ", ".join(recipe.trainer.separate),
        "problems": f"{recipe.task.kind}, drawn by `{recipe.curriculum.kind}`",
        "arms": ", ".join(f"`{name}:{arm}`" for arm in recipe.arms),
    }
    yield "| | |"
    yield "|---|---|"
    for key, value in rows.items():
        if value:
            yield f"| {key} | {_escaped(value)} |"
    yield ""


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def says(recipe: Recipe) -> Iterator[str]:
    """Give who speaks in an episode of the recipe, in order."""
    episode = recipe.episode
    match episode.kind:
        case "rehearse":
            yield "teacher shows demonstrations of the school"
        case "duel":
            yield f"examiner plants {episode.num_generations} errors"
            yield "critic looks for them among right solutions"
        case "teach":
            poser = "examiner" if episode.posed_by == "examiner" else "environment"
            yield f"{poser} poses {episode.sets} sets of {episode.set_size}"
            yield f"{'solver' if episode.worked_by == 'solver' else 'task'} works them out"
            yield f"copies that learn from a set sit an exam of {episode.exam}"
        case "search":
            yield "environment poses"
            yield "solver says steps of a tree, critic values them"
        case "act":
            yield "environment poses"
            yield f"solver acts {episode.max_turns} times at most, environment answers"
            yield f"`{episode.reward}` pays"
        case _:
            yield from _practice(episode)
    if recipe.promotion is not None:
        yield "a copy whose exams gain enough becomes the solver"


def _practice(episode: Practice) -> Iterator[str]:
    posed = episode if isinstance(episode, Propose) else None
    yield "examiner poses" if posed else "environment poses"
    if posed and posed.guided:
        yield "guide judges the problem"
    yield f"solver attempts it {episode.num_generations} times"
    yield _SCORES[episode.scorer.kind]
    if episode.extra:
        yield f"solver attempts what is sometimes solved {episode.extra} times more"
    yield from _help(episode)
    if isinstance(episode, Revise):
        yield _REMARKS[episode.remarks]
        turns = f", until attempt {episode.turns}" if episode.turns > 2 else ""  # noqa: PLR2004
        yield f"solver revises {episode.revise} attempts{turns}"
    if posed:
        yield f"`{posed.examiner_reward}` pays the examiner"


def _help(episode: Practice) -> Iterator[str]:
    if episode.hint != "never":
        by_guide = episode.hint_from == "guide"
        given = "guide gives the next step" if by_guide else f"the {episode.hint_from} is shown"
        yield f"{_WHEN[episode.hint]}, {given} and solver tries {episode.hinted} times more"
    if episode.lesson is None:
        return
    yield from _BEFORE.get(episode.lesson, ())
    which = "failed attempts" if episode.lesson_on == "failed" else "attempts"
    does = "solves again" if episode.speak else "scores them token by token"
    view = _VIEWS.get(episode.lesson, f"the {episode.lesson}")
    yield f"teacher sees {which} with {view} and {does}"


def learns(recipe: Recipe) -> str:
    """Return whose answers train, and how."""
    told = []
    for each in recipe.objective:
        kinds = f" ({', '.join(each.kinds)})" if each.kinds else ""
        told.append(f"{', '.join(each.roles)}{kinds} by `{each.kind}`")
    return "; ".join(told) or "nobody: only how answers are found differs"


if __name__ == "__main__":
    made = page()
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
