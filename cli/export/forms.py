"""Forms of a dataset: answers become rows. Pure.

The columns prompt, completion, chosen, rejected and label are those of TRL's dataset types, in its
standard format (text) or its conversational one (messages). All others say where a row comes from.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from simctl.cli.export.answers import Answer
from simctl.cli.export.wanted import Wanted
from simctl.trainer.context import own
from simctl.trainer.pairs import Candidate, right_wrong

Row = dict[str, Any]
SIDES = ("chosen", "rejected")


def rows(rounds: Iterable[Sequence[Answer]], wanted: Wanted) -> Iterator[list[Row]]:
    """Give the rows that come of each round; those of prompts come once, at the end."""
    if wanted.form == "prompts":
        yield _prompts((each for answers in rounds for each in answers), wanted)
        return
    for answers in rounds:
        match wanted.form:
            case "sft":
                right = [each for each in answers if each.right(wanted.threshold)]
                yield [_single(each, wanted) for each in right]
            case "unpaired":
                yield [
                    _single(each, wanted) | {"label": each.right(wanted.threshold)}
                    for each in answers
                    if each.told.demonstrated or each.told.reward is not None
                ]
            case _:
                yield list(_pairs(answers, wanted))


def _single(answer: Answer, wanted: Wanted) -> Row:
    return {
        "prompt": _asked(answer, wanted),
        "completion": _said(answer, wanted),
        **answer.about,
        **answer.own,
    }


def _pairs(answers: Sequence[Answer], wanted: Wanted) -> Iterator[Row]:
    """Pair right and wrong answers of one role to one prompt in one round.

    Answers to a task are paired within it. What poses tasks answers the same prompt with another
    task each time, and is paired with others that did; the row names the task of the chosen one.
    """
    by_source = {each.told.source: each for each in answers}
    asked: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    for each in answers:
        if each.told.reward is not None:
            place = (each.told.role, each.told.kind, each.told.task, each.told.prompt)
            asked[place].append(Candidate(each.told, own(each.told)))
    for candidates in asked.values():
        for pair in right_wrong(candidates, wanted.threshold, wanted.pairs):
            better, worse = (by_source[source] for source in pair.sources)
            sides = [
                {f"{side}_{name}": value for name, value in each.own.items()}
                for side, each in zip(SIDES, (better, worse), strict=True)
            ]
            yield {
                "prompt": _asked(better, wanted),
                "chosen": _said(better, wanted),
                "rejected": _said(worse, wanted),
                **better.about,
                **sides[0],
                **sides[1],
            }


def _prompts(answers: Iterable[Answer], wanted: Wanted) -> list[Row]:
    found: dict[tuple[str, str], Row] = {}
    for each in answers:
        first = {
            "prompt": _asked(each, wanted),
            **each.about,
            "seq": each.told.source,
            "prompt_seq": each.told.cause,
            "policy_version": each.told.policy_version,
            "answers": 0,
            "graded": 0,
            "mean_reward": None,
        }
        row = found.setdefault((each.told.role, each.prompt), first)
        row["answers"] += 1
        if each.told.reward is not None:
            row["graded"] += 1
            row["mean_reward"] = row["mean_reward"] or 0.0
            row["mean_reward"] += (each.told.reward - row["mean_reward"]) / row["graded"]
    return list(found.values())


def _asked(answer: Answer, wanted: Wanted) -> Any:
    said = answer.prompt
    return [{"role": "user", "content": said}] if wanted.conversational else said


def _said(answer: Answer, wanted: Wanted) -> Any:
    if not wanted.conversational:
        return answer.completion
    return [{"role": "assistant", "content": answer.unended}]  # a chat template ends it again
