"""Recipes side by side: every recipe with every seed, on one budget of sampled or shown tokens.

    python benchmarks/recipes.py --tokens 300000 --seeds 0 1 2 --jobs 2

Runs that are there already are not run again. Prints the table of the README.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from simctl.store.access import open_log

RECIPES = ("society", "grpo", "star", "opsd", "uniform", "rehearsal")
SUITES = ("targets", "beyond-12", "beyond-14", "beyond-16")
SIMCTL = Path(sys.executable).with_name("simctl")


def run(directory: Path, recipe: str, seed: int, tokens: int) -> Path:
    """Run a recipe with a seed, unless it has run."""
    run_dir = directory / f"{recipe}-{seed}"
    if not run_dir.exists():
        subprocess.run(
            [
                SIMCTL, "run", recipe, "--seed", str(seed), "--run-dir", str(run_dir),
                "--set", f"run.max_tokens={tokens}", "--rounds", "10000", "--quiet",
            ],
            check=True,
        )  # fmt: skip
    return run_dir


def scores(run_dir: Path) -> dict[str, float]:
    """Return the first and last scores, and the minutes of running until the last."""
    with open_log(run_dir) as log:
        rows = log.query(
            "SELECT suite, score_name, score, seconds FROM learning_curve ORDER BY evaluated"
        ).to_pylist()
    found: dict[str, float] = {}
    for row in rows:
        name = f"{row['suite']}/{row['score_name']}"
        found.setdefault(f"first {name}", row["score"])
        found[f"last {name}"] = row["score"]
        found["minutes"] = row["seconds"] / 60
    return found


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Return the table in Markdown: the median over the seeds, with the range."""
    columns = ["last targets/greedy", "last targets/sampled"]
    columns += [f"last {suite}/sampled" for suite in SUITES[1:]]
    head = "| recipe | 10 greedy | 10 sampled | 12 sampled | 14 sampled | 16 sampled | minutes |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    base = [each for runs in found.values() for each in runs]
    first = [column.replace("last", "first") for column in columns]
    lines.append(f"| before | {' | '.join(spread(base, name) for name in first)} | |")
    for recipe, runs in found.items():
        cells = " | ".join(spread(runs, name) for name in columns)
        lines.append(f"| {recipe} | {cells} | {median(each['minutes'] for each in runs):.1f} |")
    return "\n".join(lines)


def spread(runs: list[dict[str, float]], name: str) -> str:
    """Return median and range."""
    values = sorted(each[name] for each in runs)
    if values[0] == values[-1]:
        return f"{values[0]:.2f}"
    return f"{median(values):.2f} ({values[0]:.2f}-{values[-1]:.2f})"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--directory", type=Path, default=Path("runs/recipes"))
    asked = parser.parse_args()
    wanted = [(recipe, seed) for seed in asked.seeds for recipe in asked.recipes]
    with ThreadPoolExecutor(asked.jobs) as pool:
        jobs = [pool.submit(run, asked.directory, *each, asked.tokens) for each in wanted]
        directories = [job.result() for job in jobs]
    found: dict[str, list[dict[str, float]]] = {recipe: [] for recipe in asked.recipes}
    for (recipe, _), run_dir in zip(wanted, directories, strict=True):
        found[recipe].append(scores(run_dir))
    print(table(found))


if __name__ == "__main__":
    main()
