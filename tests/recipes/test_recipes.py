"""Every recipe plays two rounds, and leaves what its loop needs: who spoke, and what trained."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from troupe import perform

from simctl.bus.asks import ROLES, Role
from simctl.bus.event import Event
from simctl.cli.recipe import Recipe, load, names
from simctl.trainer.batch import build
from simctl.trainer.trajectory import groups, trajectories

SMALL = ("run.rounds=2", "run.episodes=4", "episode.num_generations=6")
EASY = ("curriculum.min_difficulty=2", "curriculum.max_difficulty=5")
EXAMS = ("episode.sets=3", "episode.set_size=4", "episode.exam=12", "run.episodes=2")
HARD = ("curriculum.min_difficulty=6", "curriculum.max_difficulty=8")  # where whole groups fail
ON_FAILURE = {"adcl", "guide", "gsi", "s2r", "star"}
# whose answers train in the two rounds, each with its loss
PG, CE, KL, DPO = "policy_gradient", "cross_entropy", "divergence", "preference"
TRAINED: dict[str, set[tuple[str, str]]] = {
    "absolute_zero": {("solver", PG), ("examiner", PG)},
    "adcl": {("solver", PG), ("solver", CE)},
    "agent0": {("solver", PG), ("examiner", PG)},
    "agent_r": {("solver", CE)},
    "atesd": {("solver", KL)},
    "b_star": {("solver", CE)},
    "critic_cot": {("critic", CE), ("solver", CE)},
    "distil": {("solver", KL)},
    "east": {("solver", CE)},
    "evolve": {("solver", DPO)},
    "exit": {("solver", PG)},
    "expo": {("solver", PG), ("teacher", CE)},
    "feedback_alignment": {("solver", KL)},
    "first": {("solver", PG), ("solver", KL), ("examiner", PG)},
    "grpo": {("solver", PG)},
    "gsi": {("solver", CE)},
    "guide": {("solver", PG)},
    "hs_star": {("solver", CE)},
    "lbt": {("solver", DPO)},
    "lmsi": {("solver", CE)},
    "meta_rewarding": {("solver", DPO), ("critic", DPO)},
    "multiagent_finetuning": {("solver", CE)},
    "nft": {("solver", "nft")},
    "opsd": {("solver", KL)},
    "pasodoble": {("solver", PG), ("examiner", PG)},
    "pi_distill": {("teacher", PG), ("teacher", KL)},
    "pi_play": {("solver", PG), ("solver", KL)},
    "r_zero": {("examiner", PG)},
    "reflect_retry_reward": {("critic", PG)},
    "rehearsal": {(role, CE) for role in ROLES},
    "rest_mcts": {("solver", CE), ("critic", "value")},
    "revise": {("solver", DPO), ("solver", CE)},
    "rft": {("solver", CE)},
    "rltf_fm": {("solver", PG), ("critic", CE)},
    "rltf_sd": {("solver", PG)},
    "s2r": {("solver", PG), ("critic", PG)},
    "score": {("solver", KL), ("solver", PG)},
    "scrit": {("teacher", CE)},
    "sd_zero": {("solver", CE)},
    "sdpo": {("solver", KL), ("solver", PG)},
    "seal": {("solver", CE), ("examiner", CE)},
    "sec": {("solver", PG)},
    "seif": {("solver", PG)},
    "self_challenging": {("solver", CE)},
    "self_eval_beam": set(),
    "self_improving_transformers": {("solver", CE)},
    "self_refine": set(),
    "self_rewarding": {("solver", DPO)},
    "sgs": {("solver", PG), ("examiner", PG)},
    "sharpening": {("solver", CE)},
    "skill_composer": {("guide", CE)},
    "skill_sd": {("solver", PG), ("solver", KL)},
    "soar": {("examiner", PG)},
    "society": {("solver", PG), ("solver", KL), ("examiner", PG)},
    "socratic_zero": {("solver", DPO), ("examiner", CE)},
    "spc": {("critic", PG), ("examiner", PG)},
    "srt": {("solver", PG)},
    "ssp": {("solver", PG), ("examiner", PG)},
    "stat": {("solver", CE)},
    "star": {("solver", CE)},
    "temporal_self_rewarding": {("teacher", DPO)},
    "thinktuning": {("solver", PG)},
    "tt_si": set(),
    "uniform": {("solver", PG)},
    "v_star": {("solver", CE), ("solver", DPO)},
    "wcr": {("solver", PG)},
}
# who speaks beside the solver, where not all that train say it
SPEAKS: dict[str, set[str]] = {
    "self_challenging": {"examiner"},
    "distil": {"critic"},
    "feedback_alignment": {"critic"},
    "rltf_sd": {"critic"},
    "scrit": {"critic", "teacher"},
    "self_refine": {"critic"},
    "self_rewarding": {"critic"},
    "sgs": {"examiner", "guide"},
    "skill_sd": {"guide"},
    "agent_r": {"guide"},
    "temporal_self_rewarding": {"critic", "teacher"},
    "thinktuning": {"teacher"},
    "seif": {"critic", "examiner", "guide"},
    "first": {"critic", "examiner", "guide", "teacher"},
    "society": {"critic", "examiner", "guide", "teacher"},
}


def small(name: str) -> Recipe:
    """Return a recipe that is over in a second, on problems that are solved now and then."""
    recipe = load(name)
    sets = [*SMALL, "suite=[]"]
    if recipe.task.kind == "chain" and hasattr(recipe.curriculum, "min_difficulty"):
        sets += HARD if name in ON_FAILURE else EASY
    sets += EXAMS if recipe.episode.kind == "teach" else ()
    return load(name, sets)


def trained(recipe: Recipe, events: Sequence[Event]) -> set[tuple[str, str]]:
    """Return whose answers became samples of which loss."""
    found: set[tuple[str, str]] = set()
    for number in (1, 2):
        told = groups(trajectories(event for event in events if event.round == number))
        batch = build(told, recipe.objective)
        found |= {(sample.role, sample.loss.kind) for sample in batch.samples}
    return found


@pytest.mark.parametrize("name", names())
def test_a_recipe_plays_and_trains_whom_it_says(name: str, tmp_path: Path):
    recipe = small(name)
    events = perform(recipe, tmp_path / "policies")
    assert [event.message for event in events if event.kind == "role_failed"] == []
    assert trained(recipe, events) >= TRAINED[name]
    spoken = {event.sender for event in events if event.utterance and event.utterance.tokens}
    expected = {role for role, _ in TRAINED[name]} - {"teacher"} | SPEAKS.get(name, set())
    assert spoken >= (expected if name != "rehearsal" else {"teacher"})
    updates = [event for event in events if event.kind == "policy_updated"]
    assert len(updates) == (2 if recipe.learns else 0)
    assert all(event.message.ok for event in events if event.kind == "policy_synced")


@pytest.mark.parametrize("name", names())
def test_every_arm_of_a_recipe_is_another_recipe_that_can_be_played(name: str):
    recipe = load(name)
    for arm, sets in recipe.arms.items():
        assert load(name, sets) != recipe, arm


def test_recipes_are_short():
    lengths = sorted(
        sum(1 for line in text.splitlines() if line.strip() and not line.startswith("#"))
        for text in (source(name) for name in names())
    )
    assert lengths[len(lengths) // 2] <= 40
    assert lengths[-1] <= 60


@pytest.mark.parametrize("name", names())
def test_a_recipe_says_what_it_follows_and_where_it_departs(name: str):
    recipe = load(name)
    assert recipe.description
    if name in {"first", "society", "uniform", "rehearsal", "grpo"}:
        return
    assert recipe.paper
    assert recipe.faithful
    assert recipe.substituted


def source(name: str) -> str:
    return (Path(__file__).parents[2] / "recipes" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "role"), [("sgs", "guide"), ("self_challenging", "examiner")])
def test_a_role_that_stays_as_it_began_shares_no_weights_that_learn(name: str, role: Role):
    recipe = load(name)
    assert role in recipe.trainer.separate
    assert recipe.training().of(role) == []


def test_sharpening_measures_the_choice_that_it_imitates():
    recipe = load("sharpening").model_dump()
    [likeliest] = [suite["mode"] for suite in recipe["suite"] if suite["name"] == "likeliest"]
    assert recipe["episode"]["scorer"]["kind"] == "likelihood"
    assert likeliest["score"] == "mean_logprob"
