"""Whatever the order of pieces, and however often they come, they make what was cut."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.pieces import LARGEST, PieceError, Whole, split

SIZES = st.integers(0, 4 * LARGEST)


def noise(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)  # noqa: S311 - nothing is kept secret with it


@given(SIZES, st.randoms(use_true_random=False))
def test_pieces_in_any_order_and_number_make_what_was_cut(size: int, dice: Random):
    payload = noise(size, size)
    messages = split(payload)
    assert all(len(message) <= LARGEST + 8 for message in messages)
    arriving = messages + (messages[:-1] if len(messages) > 1 else [])
    dice.shuffle(arriving)
    whole = Whole()
    found = [whole.take(message) for message in arriving]
    assert payload in found
    assert all(each in (None, payload) for each in found)


@given(SIZES, st.data())
def test_a_damaged_message_is_found_out(size: int, data: st.DataObject):
    message = bytearray(split(noise(size, size))[0])
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PieceError, match="damaged"):
        Whole().take(bytes(message))


def test_a_new_thing_takes_the_place_of_one_that_never_ended():
    first, second = noise(1, 2 * LARGEST), noise(2, 2 * LARGEST)
    whole = Whole()
    assert whole.take(split(first)[0]) is None
    *some, last = split(second)
    assert [whole.take(each) for each in some] == [None] * len(some)
    assert whole.take(last) == second


def test_what_is_too_large_is_refused_before_it_is_kept():
    whole = Whole(most=LARGEST)
    first, second, *_ = split(bytes(2 * LARGEST))
    whole.take(first)
    with pytest.raises(PieceError, match="too large"):
        whole.take(second)
