import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simctl.bus.answers import AttemptMade
from simctl.bus.dice import dice, stream
from simctl.bus.messages import (
    AnswerGraded,
    kinds,
    parse,
)
from simctl.bus.values import canonical

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXT, st.integers(0, 2**60), st.floats(allow_nan=False, allow_infinity=False))
def test_a_message_read_back_from_its_text_is_the_same(text: str, task: int, heat: float):
    message = AttemptMade(task=task, index=0, attempt=text, temperature=heat)
    assert parse(canonical(message)) == message


@given(st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False)))
def test_the_order_of_keys_does_not_change_the_text(parts: dict[str, float]):
    def text(ordered: dict[str, float]) -> str:
        return canonical(AnswerGraded(task=1, of=2, role="solver", reward=0.0, parts=ordered))

    assert text(parts) == text(dict(reversed(parts.items())))


def test_canonical_text_has_sorted_keys_and_no_spaces():
    text = canonical(AttemptMade(task=1, index=0, attempt="ä"))
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text.startswith('{"attempt":"ä","hint":"","index":0,"kind":"attempt_made"')


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_refused(reward: float):
    with pytest.raises(ValidationError, match="reward"):
        AnswerGraded(task=1, of=2, role="solver", reward=reward, parts={})


def test_every_kind_is_the_snake_case_of_its_class():
    def snake(name: str) -> str:
        return "".join("_" * (i > 0 and c.isupper()) + c.lower() for i, c in enumerate(name))

    assert list(kinds()) == [snake(cls.__name__) for cls in kinds().values()]


def test_streams_of_different_names_differ_and_repeat():
    assert stream(0, "a", 1) == stream(0, "a", 1)
    assert len({stream(0, "a", 1), stream(0, "a", 11), stream(1, "a", 1), stream(0, "a1")}) == 4
    assert dice(0, "x").random() == dice(0, "x").random()
