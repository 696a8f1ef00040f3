"""The card of a dataset: a README.md as the Hugging Face Hub reads it."""

import json

import simctl
from simctl.cli.export.choices import FORMS
from simctl.cli.export.columns import Columns
from simctl.cli.export.front import front
from simctl.cli.export.source import Source
from simctl.cli.export.wanted import Wanted
from simctl.cli.recipe import Recipe, dump

_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
_LARGE = "1M<n<10M"


def card(wanted: Wanted, source: Source, recipe: Recipe, rows: int, columns: Columns) -> str:
    """Return the card."""
    split = {"split": "train", "path": f"train.{wanted.file}"}
    size = next((name for most, name in _SIZES.items() if rows < most), _LARGE)
    title = f"{source.run}: {wanted.form}"
    fields = {
        "pretty_name": title,
        "tags": ["simctl", "trl", wanted.form, recipe.name],
        "task_categories": ["text-generation"],
        "size_categories": [size],
        "configs": [{"config_name": "default", "data_files": [split]}],
    }
    meanings = "".join(f"| {name} | {text} |\n" for name, (_, text) in columns.items())
    return f"""{front(fields)}
# {title}

{rows:,} rows, {FORMS[wanted.form]}. The texts are what language models were shown and said in a run
of simctl {simctl.__version__}, decoded from the logged token ids by the run's own tokenizer.

| made of | |
|---|---|
| run | {source.run} |
| recipe | {recipe.name} |
| seed | {recipe.seed} |
| events | 1 to {source.until} |
| hash of the last of them, and with it of all | `{source.chain}` |
| made by | `{_call(wanted, source.run)}` |

## Columns

| column | meaning |
|---|---|
{meanings}
## Recipe

```toml
{dump(recipe)}```
"""


def _call(wanted: Wanted, run: str) -> str:
    words = [f"simctl export {run} --format {wanted.form}"]
    words += [f"--role {role}" for role in wanted.roles]
    if wanted.where:
        words.append(f"--where {json.dumps(' '.join(wanted.where.split()), ensure_ascii=False)}")
    if wanted.threshold != Wanted.model_fields["threshold"].default:
        words.append(f"--threshold {wanted.threshold:g}")
    if wanted.pairs is not None:
        words.append(f"--pairs {wanted.pairs}")
    if wanted.conversational:
        words.append("--conversational")
    return " ".join([*words, f"--file {wanted.file}"])
