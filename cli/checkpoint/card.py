"""The card of a model: a README.md as the Hugging Face Hub reads it."""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

import simctl
from simctl.bus.values import Value
from simctl.cli.checkpoint.history import History, Score
from simctl.cli.export.front import front
from simctl.cli.export.source import Source
from simctl.cli.figures import duration
from simctl.cli.recipe import EMBEDDED, Recipe
from simctl.store.policies import PolicyState

_CACHED = re.compile(r"models--(?P<owner>[^/]+?)--(?P<name>[^/]+)")  # in the Hub's cache
_HUB = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_LIMITS = """\
It was made to study how models teach themselves, and to be compared with others that were. What the
tables above measure is known of it, and nothing else: not how it answers other prompts than its run
had, nor whether what it says is harmless. To use it for anything else, measure that first."""


class Version(Value):
    """What a card is about: a policy version of a run, and what it was made of.

    `learnt` is what it learnt from.
    """

    run: str
    recipe: Recipe
    state: PolicyState
    learnt: Source
    copies: tuple[str, ...] = ()
    parent: str = ""  # the run that this one left, if it left one

    @property
    def number(self) -> int:
        """The version: how many rounds it learnt from."""
        return self.state.version


def card(made: Version, history: History) -> str:
    """Return the card."""
    title = f"{made.run}: checkpoint-{made.number}"
    return f"""{front(_fields(made, history))}
# {title}

{_what(made)}

## Results

{_results(history, made.number)}
## Use

{_use(made)}

## How it was trained

{_method(made.recipe)}

| made of | |
|---|---|
{_rows(_facts(made, history))}
## Again

{_again(made)}

## Intended use and limits

{_LIMITS}
"""


def base_model(recipe: Recipe, cache: Path | None = None) -> str:
    """Return the name on the Hub of the model that a run began with; "" if it has none there.

    A directory may be named like one: a name is the Hub's if its files are in the Hub's `cache`.
    """
    path = recipe.policy.path
    if found := _CACHED.search(path):
        return f"{found['owner']}/{found['name']}"
    if not _HUB.fullmatch(path):
        return ""
    return path if isinstance(try_to_load_from_cache(path, "config.json", cache), str) else ""


def _fields(made: Version, history: History) -> dict[str, Any]:
    recipe = made.recipe
    fields: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["simctl", "self-play", recipe.name],
    }
    if base := base_model(recipe):
        fields["base_model"] = base
    dataset = str(getattr(recipe.task, "dataset_name", ""))
    if _HUB.fullmatch(dataset):
        fields["datasets"] = [dataset]
    results = [_result(recipe, each) for each in history.of(made.number)]
    if results:
        fields["model-index"] = [{"name": made.run, "results": results}]
    return fields


def _result(recipe: Recipe, score: Score) -> dict[str, Any]:
    return {
        "task": {"type": "text-generation"},
        "dataset": {"type": f"simctl/{recipe.task.kind}", "name": score.suite, "split": "test"},
        "metrics": [
            {"type": "accuracy" if "@" not in name else name, "name": name, "value": value}
            for name, value in score.scores.items()
        ],
    }


def _what(made: Version) -> str:
    recipe = made.recipe
    apart = " and ".join(f"the {role} (`copies/{role}`)" for role in made.copies)
    but = f", but for {apart}" if apart else ""
    paper = f" It follows {recipe.paper}." if recipe.paper else ""
    return (
        f"The policy of run {made.run} after round {made.number} of {recipe.run.rounds}: the "
        f"weights that the roles of a society (examiner, solver, critic, guide, teacher) "
        f"share{but}, as simctl trained them by recipe `{recipe.name}`. "
        f"{recipe.description}.{paper}"
    )


def _results(history: History, version: int) -> str:
    scores = history.of(version)
    if not scores:
        measured = sorted({each.version for each in history.scores})
        others = f" Measured were: {', '.join(map(str, measured))}." if measured else ""
        return f"No held-out problems were solved with this version.{others}\n"
    before = {each.suite: each.scores for each in history.of(0)}
    lines = [
        f"| {each.suite} | {name} | {each.problems} | {_number(first.get(name))} | {value:.3f} |"
        for each in scores
        for first in [before.get(each.suite, {})]
        for name, value in each.scores.items()
    ]
    head = (
        "| held-out problems | answer | number | first policy | this one |\n|---|---|---|---|---|"
    )
    return "\n".join([head, *lines, ""])


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def _use(made: Version) -> str:
    place = f'"checkpoint-{made.number}"'
    apart = "".join(
        f'\n{role} = AutoModelForCausalLM.from_pretrained({place}, subfolder="copies/{role}")'
        for role in made.copies
    )
    return f"""```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({place})
model = AutoModelForCausalLM.from_pretrained({place}){apart}
```"""


def _method(recipe: Recipe) -> str:
    told = [f"- as published: {recipe.faithful}"] if recipe.faithful else []
    told += [f"- otherwise: {recipe.substituted}"] if recipe.substituted else []
    kinds = ", ".join(dict.fromkeys(each.kind for each in recipe.objective))
    told += [f"- objectives: {kinds or 'none'}; learning rate {recipe.trainer.learning_rate:g}"]
    return "\n".join([*told, "- `recipe.toml` beside this card says every setting"])


def _facts(made: Version, history: History) -> dict[str, str]:
    recipe, state, spent = made.recipe, made.state, history.made[made.number]
    source = history.source
    facts = {
        "first weights, sha256": f"`{history.sha256[0]}`",
        "these weights, sha256": f"`{state.sha256}`",
        "seed": f"{recipe.seed}",
        "rounds": f"{state.version}",
        "tokens": f"{spent.sampled_tokens:,} sampled, {spent.spent_tokens:,} with those that a "
        "teacher scored again",
        "time": duration(spent.seconds),
        "learnt from": f"events 1 to {made.learnt.until}, whose hash is `{made.learnt.chain}`",
        "scores from": f"events 1 to {source.until}, whose hash is `{source.chain}`",
        "made by": f"simctl {simctl.__version__}",
    }
    return facts | {key: text for key, text in history.machine.items() if text}


def _rows(facts: dict[str, str]) -> str:
    return "".join(f"| {name} | {text} |\n" for name, text in facts.items())


def _again(made: Version) -> str:
    proof = (
        "Who has the run gets the weights from its log alone with `simctl train --from RUN`, and "
        "proves all of it with `simctl verify RUN`."
    )
    if made.parent:
        return f"The run left run {made.parent} and went on by `recipe.toml`. {proof}"
    first = "the model that ships with simctl" if made.recipe.policy.path == EMBEDDED else "a model"
    return f"""It begins with {first}, whose weights have the first of the hashes above.

```sh
simctl run recipe.toml
```

On such a machine, in one process, the run says the same again: policy version {made.number} and the
events that it learnt from have the hashes that this card names. {proof}"""
