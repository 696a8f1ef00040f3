"""Facts: sentences about a run, each with the question whose single row gives its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """A question about a run after round `now`, and the words for its answer.

    `{now}`, `{began}`, `{near}`, `{targets}` and `{role}` stand in the question as in the words,
    and the columns of the answer in the words.
    """

    sql: str
    words: str


_BEGAN = "in rounds 1 to {began}"


def _size(column: str, words: str, as_: str) -> Fact:
    """Return how a number of the valid tasks is, and how it began."""
    return Fact(
        f"SELECT avg({column}) FILTER (round <= {{began}}) AS first,\n"
        f"  avg({column}) FILTER (round = {{now}}) AS last\n"
        "FROM tasks WHERE valid AND posed_by <> 'environment'",
        f"{words} in round {{now}}, after {{first:{as_}}} {_BEGAN}",
    )


FACTS: dict[str, Fact] = {
    "targets": Fact(
        "SELECT arg_min(score, version) AS first, arg_max(score, version) AS last,\n"
        "  max(version) AS version\n"
        "FROM learning_curve\n"
        "WHERE suite = '{targets}' AND score_name = 'greedy' AND version <= {now}",
        "Of the held-out problems {targets} the first policy solved {first:.0%}, and policy "
        "v{version} solves {last:.0%}",
    ),
    "rate": Fact(
        "SELECT avg(rate) FILTER (round <= {began}) AS first,\n"
        "  avg(rate) FILTER (round = {now}) AS last\nFROM solves",
        "{last:.0%} of the attempts at a task of round {now} are right, after {first:.0%} "
        + _BEGAN,
    ),
    "ends": Fact(
        "SELECT count(*) AS tasks, count(*) FILTER (rate = 1) AS always,\n"
        "  count(*) FILTER (rate = 0) AS never\nFROM solves WHERE round = {now}",
        "Of the {tasks} tasks of round {now}, {always} were solved in every attempt and {never} "
        "in none",
    ),
    "informative": Fact(
        "SELECT max(informative) FILTER (round = {now}) AS last,\n"
        "  avg(informative) FILTER (round <= {began}) AS first\nFROM groups_of('{role}')",
        "Rewards differ in {last:.0%} of the {role}'s groups of round {now}, after {first:.0%} "
        + _BEGAN,
    ),
    "valid": Fact(
        "SELECT avg(valid::INT) FILTER (round <= {began}) AS first,\n"
        "  avg(valid::INT) FILTER (round = {now}) AS last\n"
        "FROM tasks WHERE posed_by <> 'environment'",
        "{last:.0%} of the tasks of round {now} are valid, after {first:.0%} " + _BEGAN,
    ),
    "gate": Fact(
        "SELECT gate, count(*) AS failures FROM (\n"
        "  SELECT unnest(map_entries(gates), recursive := true) FROM tasks\n"
        "  WHERE round = {now} AND posed_by <> 'environment'\n"
        ") g(gate, passed) WHERE NOT passed GROUP BY gate ORDER BY failures DESC, gate LIMIT 1",
        "The gate that stops most tasks in round {now} is {gate}: it stops {failures}",
    ),
    "repeats": Fact(
        "SELECT count(*) AS tasks, count(*) FILTER (similarity >= {near}) AS again,\n"
        "  count(*) FILTER (similarity = 1) AS same\nFROM repeats({now})",
        "{again} of the {tasks} tasks of round {now} are nearly like one of an earlier round, "
        "{same} of them the same but for names",
    ),
    "example": Fact(
        "SELECT problem, like_problem, like_round FROM repeats({now}) LIMIT 1",
        "For example {problem}, which is {like_problem} of round {like_round} again",
    ),
    "cluster": Fact(
        "SELECT count(*) AS times, max(problem) AS problem\n"
        "FROM tasks WHERE round = {now} AND posed_by <> 'environment'\n"
        "GROUP BY list_sort(shingles(problem)) ORDER BY times DESC LIMIT 1",
        "The commonest task of round {now} was posed {times} times: {problem}",
    ),
    "labels": Fact(
        "SELECT avg(((coalesce(parts['vote'], parts['judged']) > 0.5)\n"
        "  = (parts['correct'] >= 1))::INT) AS last\n"
        "FROM grades WHERE coalesce(parts['vote'], parts['judged']) IS NOT NULL AND round = {now}",
        "The labels that pay agree with the verifier in {last:.0%} of round {now}",
    ),
    "entropy": Fact(
        "SELECT avg(metrics['entropy/{role}']) FILTER (round <= {began}) AS first,\n"
        "  max(metrics['entropy/{role}']) FILTER (round = {now}) AS last\nFROM updates",
        "The {role}'s entropy is {last:.3f} nats in round {now}, after {first:.3f} " + _BEGAN,
    ),
    "spoken": Fact(
        "SELECT avg(len(tokens)) FILTER (round <= {began}) AS first,\n"
        "  avg(len(tokens)) FILTER (round = {now}) AS last\n"
        "FROM events WHERE sender = '{role}' AND len(tokens) > 0",
        "The {role}'s answers have {last:.1f} tokens in round {now}, after {first:.1f} " + _BEGAN,
    ),
    "errors": Fact(
        "SELECT count(*) AS episodes, count(*) FILTER (outcome = 'failed') AS failed\n"
        "FROM episode_ended WHERE round = {now}",
        "Of the {episodes} episodes of round {now}, {failed} failed",
    ),
    "failure": Fact(
        "SELECT detail, count(*) AS times FROM episode_ended\n"
        "WHERE round <= {now} AND outcome = 'failed'\n"
        "GROUP BY detail ORDER BY times DESC, detail LIMIT 1",
        "The commonest failure, {times} times, was: {detail}",
    ),
    "best_of_k": Fact(
        "SELECT score_name AS name, arg_min(score, version) AS first,\n"
        "  arg_max(score, version) AS last\n"
        "FROM learning_curve WHERE suite = '{targets}' AND score_name LIKE 'pass@%'\n"
        "GROUP BY name ORDER BY len(name) DESC, name DESC LIMIT 1",
        "{name} on {targets} is {last:.0%}, and was {first:.0%} with the first policy",
    ),
    "length": _size("length(problem)", "A task has {last:.1f} characters", ".1f"),
    "operators": _size(
        "len(regexp_extract_all(problem, '[^A-Za-z0-9 ]'))", "A task has {last:.1f} signs", ".1f"
    ),
    "difficulty": _size("difficulty", "The mean difficulty of a task is {last:.1f}", ".1f"),
    "degenerate": _size("degenerate", "{last:.0%} of a task's steps need no thought", ".0%"),
}
