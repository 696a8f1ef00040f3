"""Parts: what recipes can name is used by recipes, and by more than one unless it is a paper's own.

A part is a class with a `kind`, or a value of a setting that has names for values. Whose answers
train (`roles`, `kinds`) and with whose weights (`separate`) are no parts, but who and what they are
said by.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from simctl.bus.values import Value
from simctl.cli.recipe import Recipe, load, names

EPISODES = sorted((Path(__file__).parents[2] / "agents" / "episodes").glob("*.py"))
# whom something is about, where and in what a model is held, and which of its layers learn
ADDRESSES = {"roles", "kinds", "separate", "engines", "engine", "device", "dtype", "target_modules"}
SAME = {"views": "lesson"}  # a lesson is given under a view, and learnt by it
# problems of one's own, and models that are not in the package: no recipe can bring them
OWN = {"DatasetSettings", "grading=exact", "grading=math", "reward=progress"}
OWN |= {"ModuleSettings", "WordSettings", "form=chat", "form=characters"}
# what only one recipe uses: its number in the catalogue, or its paper where it has none
UNIQUE: dict[str, tuple[str, str]] = {
    "absolute_zero": (
        "2505.03335",
        (
            "ProgramSettings examiner_reward=azr examiner_reward=azr_paper "
            "examiner_reward=evo_env examiner_reward=gar examiner_reward=gasp_lemma "
            "examiner_reward=gasp_lift examiner_reward=sec examiner_reward=spice "
            "examiner_reward=ssr language=python language=stack reward=azr"
        ),
    ),
    "adcl": ("S080", "Schedule"),
    "agent0": ("S005", "Adpo examiner_reward=agent0 examiner_reward=r_zero_paper reward=r_zero"),
    "atesd": ("S223", "Choice Learnt Linear"),
    "b_star": ("S017", "Balance"),
    "critic_cot": ("S141", "critic_reward=verdict"),
    "distil": ("S221", "direction=cross_entropy"),
    "east": ("S112", "weigh=entropy"),
    "evolve": ("S220", "pair=revised"),
    "exit": ("S051", "Restart keep=failed keep=varied"),
    "expo": ("S113", "lesson=answer"),
    "grpo": (
        "2402.03300",
        "CountdownSettings Overlong importance_sampling_level=sequence loss_type=grpo",
    ),
    "guide": ("S129", "hint=always"),
    "hs_star": ("S173", "weigh=task"),
    "lbt": ("S091", "posed_by=environment"),
    "multiagent_finetuning": ("S111", "remarks=fellow"),
    "nft": ("S064", "Nft weigh=dr_grpo weigh=grpo"),
    "opsd": ("S224", "estimator=sampled only=failed only=right"),
    "pasodoble": ("S216", "examiner_reward=paso_doble"),
    "pi_distill": ("S230", "sync=live teacher=bare teacher=own"),
    "pi_play": ("S007", "Whiten examiner_reward=dr_zero lesson=path lesson=self"),
    "r_zero": ("2508.05004", "examiner_reward=r_zero"),
    "reflect_retry_reward": ("S158", "critic_reward=retry revision_reward=recovered"),
    "rehearsal": ("", "Rehearse"),
    "rest_mcts": ("S069", "Appraise Search Tree"),
    "revise": ("S030", "pair=stop_go"),
    "rft": ("2308.01825", "pick=shortest"),
    "rltf_sd": ("S217", "baseline=first_turn baseline=group revision_reward=gain"),
    "s2r": ("S109", "critic_reward=s2r critic_reward=spc revision_reward=s2r"),
    "score": ("S044", "revision_reward=score teacher=base"),
    "sd_zero": ("S231", "lesson=attempt support=both support=teacher tail=none tail=renormalise"),
    "sdpo": ("2601.20802", "direction=jsd lesson=sibling support=student"),
    "seal": ("S116", "paid=advantage worked_by=reference"),
    "sec": ("S022", "Bandit"),
    "seif": ("S009", "examiner_reward=seif judged_by=verifier"),
    "self_challenging": ("S171", "examiner_reward=self_challenging"),
    "self_eval_beam": ("S180", "Beam"),
    "self_improving_transformers": ("S103", "Ladder"),
    "self_refine": ("S099", "Refine gate=agreement gate=critic gate=none gate=verifier"),
    "sgs": ("S013", "Percentile Targets examiner_reward=sgs"),
    "sharpening": ("S043", "Likelihood pick=best score=logprob"),
    "skill_composer": ("S011", "hint_reward=helped"),
    "skill_sd": ("S028", "estimator=k3 lesson=skill"),
    "society": ("", "examiner_reward=solvability"),
    "socratic_zero": ("S014", "examiner_reward=socratic_zero weigh=gaussian weigh=reward"),
    "spc": ("S068", "Duel examiner_reward=outcome examiner_reward=spc"),
    "ssp": ("S006", "examiner_reward=ssp"),
    "stat": ("S200", "Failures by=difficulty by=skill"),
    "temporal_self_rewarding": ("S219", "pair=decoupled"),
    "tt_si": ("S020", "Adapt"),
    "v_star": ("S152", "score=value score=verdict"),
    "wcr": ("S006", "Act GraphSettings reward=wcr"),
}


def models(annotation: Any) -> Iterator[type[Value]]:
    """Give the classes of settings that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Value):
        yield annotation
    for each in get_args(annotation):
        yield from models(each)


def literals(annotation: Any) -> Iterator[str]:
    """Give the names for values that a field may hold."""
    if get_origin(annotation) is Literal:
        yield from (each for each in get_args(annotation) if isinstance(each, str))
    else:
        for each in get_args(annotation):
            yield from literals(each)


def part(owner: type[Value], field: str, value: str) -> str:
    return owner.__name__ if field == "kind" else f"{SAME.get(field, field)}={value}"


def fields(model: type[Value]) -> Iterator[tuple[str, Any]]:
    """Give the settings that are parts or hold some, with what they may hold."""
    named = model.model_fields.items()
    return ((name, field.annotation) for name, field in named if name not in ADDRESSES)


def nameable(model: type[Value]) -> set[str]:
    """Return the parts that settings can name, through all that they hold."""
    found: set[str] = set()
    for name, annotation in fields(model):
        found |= {part(model, name, value) for value in literals(annotation)}
        found = found.union(*map(nameable, models(annotation)))
    return found


def named(settings: Value) -> set[str]:
    """Return the parts that these settings name, as written or by default."""
    found: set[str] = set()
    for name, annotation in fields(type(settings)):
        value, known = getattr(settings, name), set(literals(annotation))
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Value):
                found |= named(each)
            elif isinstance(each, str) and each in known:
                found.add(part(type(settings), name, each))
    return found


@cache
def users() -> dict[str, set[str]]:
    """Return the recipes that use each part, by themselves or in an arm."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in names():
        recipe = load(name)
        for each in (recipe, *(load(name, sets) for sets in recipe.arms.values())):
            for part_ in named(each):
                found[part_].add(name)
    return found


def test_every_part_is_used_by_a_recipe_or_an_arm():
    assert nameable(Recipe) - users().keys() == OWN


def test_what_only_one_recipe_uses_is_its_papers_own():
    alone = {(*recipes, part_) for part_, recipes in users().items() if len(recipes) == 1}
    assert alone == {(name, each) for name, (_, own) in UNIQUE.items() for each in own.split()}


@pytest.mark.parametrize("name", UNIQUE)
def test_a_recipe_with_parts_of_its_own_names_its_source(name: str):
    recipe, (number, _) = load(name), UNIQUE[name]
    assert number in {recipe.catalogue, *recipe.paper.split()}


@pytest.mark.parametrize("file", EPISODES, ids=lambda file: file.stem)
def test_an_episode_is_short(file: Path):
    assert code_lines(file.read_text(encoding="utf-8")) <= 60


def code_lines(text: str) -> int:
    """Count the lines that are neither empty nor a comment, nor in a docstring."""
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                told |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines = enumerate((line.strip() for line in text.splitlines()), start=1)
    return sum(at not in told and line != "" and not line.startswith("#") for at, line in lines)
