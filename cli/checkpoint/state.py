"""The state of a trainer, as transformers' `TrainerState` reads it from trainer_state.json.

It knows no fields of others, so what simctl adds stands where callbacks keep theirs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simctl.cli.checkpoint.history import History
from simctl.cli.recipe import Recipe
from simctl.cli.report.readings import EVAL, Reading
from simctl.store.policies import PolicyState

SIMCTL = "simctl"  # what is ours among the callbacks
# what a trainer that goes on from here looks for among them
_CONTROL: Mapping[str, Any] = {
    "args": {
        "should_epoch_stop": False,
        "should_evaluate": False,
        "should_log": False,
        "should_save": False,
        "should_training_stop": False,
    },
    "attributes": {},
}


def trainer_state(state: PolicyState, recipe: Recipe, history: History) -> dict[str, Any]:
    """Return the state at a version: a step is a round, and all rounds are one epoch."""
    step, rounds = state.version, recipe.run.rounds
    spent = history.made[step]
    ours = {
        "event_offset": state.event_offset,
        "weight_version": step,
        "sha256": state.sha256,
        "recipe": recipe.name,
        "seed": recipe.seed,
        "sampled_tokens": spent.sampled_tokens,
        "spent_tokens": spent.spent_tokens,
        "seconds": spent.seconds,
    }
    return {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": step / rounds if rounds else 0.0,
        "eval_steps": recipe.run.eval_every,
        "global_step": step,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": list(_logged(history.until(step), rounds)),
        "logging_steps": 1,
        "max_steps": rounds,
        "num_input_tokens_seen": spent.sampled_tokens,
        "num_train_epochs": 1,
        "save_steps": 1,
        "stateful_callbacks": {
            "TrainerControl": dict(_CONTROL),
            SIMCTL: {"args": {}, "attributes": ours},
        },
        "total_flos": 0.0,
        "train_batch_size": recipe.trainer.per_device_train_batch_size,
        "trial_name": None,
        "trial_params": None,
    }


def _logged(readings: list[Reading], rounds: int) -> Iterator[dict[str, float]]:
    """Give what was logged at each step: the numbers of the round together, then its scores.

    Held-out scores have the prefix by which TRL knows them: eval_SUITE_SCORE.
    """
    for step in sorted({each.step for each in readings}):
        rows = [each.row for each in readings if each.step == step]
        scores = {k: v for row in rows for k, v in row.items() if k.startswith(EVAL)}
        numbers = {k: v for row in rows for k, v in row.items() if k not in scores and k != "seq"}
        place = {"epoch": step / rounds if rounds else 0.0, "step": step}
        if step:
            yield {**numbers, **place}
        if scores:
            yield {**{_as_trl(name): score for name, score in scores.items()}, **place}


def _as_trl(name: str) -> str:
    return "eval_" + name.removeprefix(EVAL).replace("/", "_")
