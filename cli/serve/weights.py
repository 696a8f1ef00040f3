"""Weights: what a policy version was made of, and what each answer in its batch said to it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from simctl.cli.cut import Log
from simctl.cli.errors import RunError
from simctl.cli.runs import POLICIES
from simctl.store.policies import PolicyStore
from simctl.trainer.sample import Sample
from simctl.trainer.signal import batch_of

_UPDATE = """
SELECT version, parent, sha256, updated, round, samples, tokens, digest, samplers, synced,
    probe_delta, to_json(metrics) AS metrics
FROM updates WHERE version = {}
"""
_BATCH = "SELECT seq FROM batch_built WHERE version = {}"
_SCORES = "SELECT suite, score_name, score FROM learning_curve WHERE version = {} ORDER BY ALL"
_DROPS = """
SELECT role, reason, count(*) AS events FROM drops WHERE round = {}
GROUP BY ALL ORDER BY events DESC
"""
_ABOUT = """
SELECT source, kind, role, problem, episode, sampled_with FROM lineage WHERE version = {}
"""
_MOST = 400  # samples that are listed


def version(log: Log, number: int) -> dict[str, Any]:
    """Return how a version was made: its batch, metrics, scores, and how the samplers took it.

    Raises:
        RunError: there is no such version.
    """
    for update in log.query(_UPDATE.format(number)).to_pylist():
        batch = batch_of(log, update["round"])
        about = {row["source"]: row for row in log.query(_ABOUT.format(number)).to_pylist()}
        samples = () if batch is None else batch.samples
        return {
            **update,
            "batch": [row["seq"] for row in log.query(_BATCH.format(number)).to_pylist()],
            "scores": log.query(_SCORES.format(number)).to_pylist(),
            "drops": log.query(_DROPS.format(update["round"])).to_pylist(),
            "makeup": _makeup(samples),
            "learnt": [_learnt(each, about.get(each.source, {})) for each in samples[:_MOST]],
        }
    [row] = log.query("SELECT coalesce(max(version), 0) AS last FROM policy_updated").to_pylist()
    raise RunError(f"no policy v{number} was made in this run: the last one is v{row['last']}")


def signals(
    log: Log, path: Path, round_: int, seqs: Iterable[int], *, teacher: bool
) -> dict[int, list[dict[str, Any]]]:
    """Return by event what its samples say to each of its tokens (T).

    `weights` are advantages, or weights of imitation. With `teacher`, `leanings` are how much
    likelier the teacher finds a token, in nats.

    Raises:
        WeightsDifferError: the teacher's weights were not kept, and do not come out equal here.
    """
    batch, wanted = batch_of(log, round_), set(seqs)
    samples = [] if batch is None else [each for each in batch.samples if each.source in wanted]
    leaning: Sequence[list[float] | None] = [None] * len(samples)
    if teacher:
        from simctl.trainer.leaning import leanings  # noqa: PLC0415 - torch: seconds to load

        leaning = list(leanings(log, PolicyStore(path / POLICIES), round_, samples))
    found: dict[int, list[dict[str, Any]]] = {}
    for sample, leans in zip(samples, leaning, strict=True):
        signal = {"loss": sample.loss.kind, "weights": sample.weights, "leanings": leans}
        found.setdefault(sample.source, []).append(signal)
    return found


def _makeup(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return how many samples and trained tokens each role and loss has."""
    count, tokens = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in samples:
        count[each.role, each.loss.kind] += 1
        tokens[each.role, each.loss.kind] += each.trained
    return [
        {"role": role, "loss": loss, "samples": number, "tokens": tokens[role, loss]}
        for (role, loss), number in sorted(count.items())
    ]


def _learnt(sample: Sample, about: dict[str, Any]) -> dict[str, Any]:
    live = [weight for weight in sample.weights if weight]
    return {
        "seq": sample.source,
        "role": sample.role,
        "loss": sample.loss.kind,
        "tokens": len(live),
        "weight": sum(live) / len(live) if live else 0.0,
        "problem": about.get("problem"),
        "episode": about.get("episode"),
        "sampled_with": about.get("sampled_with"),
    }
