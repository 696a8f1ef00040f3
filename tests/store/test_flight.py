"""A tape of a run whose versions came in flight: the clock's word is taken where it is proved."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import PolicySynced, PolicyUpdated, RoundEnded, RoundStarted
from simctl.store.memory_log import ListLog
from simctl.store.tape import DivergenceError, Flight, Tape

SAID = Utterance((5,), (1, 2, 3), (-0.5, -0.5, -0.5))
ALONE = AttemptMade(task=1, index=0, attempt="x")
SPANNED = ALONE.model_copy(update={"versions": ((0, 2), (1, 1))})


def society(pseq: int, message: RoundStarted | RoundEnded, number: int, version: int) -> Draft:
    return Draft("society", 0, pseq, message, "society", round=number, policy_version=version)


def solver(pseq: int, message: AttemptMade, version: int = 0) -> Draft:
    return Draft(
        "solver", 1, pseq, message, "solver", round=2, cause=3,
        policy_version=version, utterance=SAID,
    )  # fmt: skip


UPDATED = PolicyUpdated(version=1, parent=0, sha256="", metrics={})
RUN = [
    society(0, RoundStarted(episodes=1), 1, 0),
    society(1, RoundEnded(episodes=1), 1, 0),
    society(2, RoundStarted(episodes=1), 2, 0),
    solver(0, ALONE),
    Draft("trainer", 0, 0, UPDATED, "trainer", round=1, policy_version=1),
    Draft(
        "sampler", 1, 0, PolicySynced(version=1, sampler="s", ok=True), "society",
        round=1, policy_version=1,
    ),
    solver(1, SPANNED),
    society(3, RoundEnded(episodes=1), 2, 1),
]  # fmt: skip


def worked_out(draft: Draft, version: int) -> Draft:
    """Return what is said where nobody knows the clock: all of it by one version."""
    plain = ALONE if isinstance(draft.message, AttemptMade) else draft.message
    clocked = draft.producer in {"society", "solver"}
    return replace(draft, message=plain, policy_version=version if clocked else 1)


def say(drafts: Sequence[Draft], order: Sequence[int], recorded: Sequence[Draft] = RUN) -> Tape:
    tape = Tape(iter(ListLog().place(recorded)), flight=Flight(early=1))
    for at in order:
        tape.place([worked_out(drafts[at], version=1)])
    return tape


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([0, 1, 4, 5, 2, 3, 6, 7], id="as soon as the round has ended"),
        pytest.param([0, 1, 2, 4, 3, 5, 6, 7], id="amid the next round"),
        pytest.param([0, 1, 2, 3, 6, 7, 4, 5], id="when it is waited for"),
    ],
)
def test_what_is_said_of_a_version_may_be_said_again_wherever_the_clock_has_it(order: list[int]):
    assert say(RUN, order).close() is None


def test_a_version_that_nobody_says_again_is_found():
    tape = say(RUN, [0, 1, 2, 3, 6, 7])
    found = tape.close()
    assert found is not None
    assert (found.seq, found.found) == (5, None)


@pytest.mark.parametrize(
    "claimed",
    [
        pytest.param(solver(0, ALONE, version=1), id="all of it"),
        pytest.param(solver(0, SPANNED), id="the rest of it"),
    ],
)
def test_a_version_says_nothing_before_the_log_has_that_it_was_proved(claimed: Draft):
    recorded = [*RUN[:3], claimed, *RUN[4:]]
    with pytest.raises(DivergenceError):
        say(RUN, [0, 1, 4, 5, 2, 3], recorded)


def test_a_version_that_was_refused_says_nothing():
    refused = replace(RUN[5], message=PolicySynced(version=1, sampler="s", ok=False))
    recorded = [*RUN[:5], refused, *RUN[6:]]
    tape = Tape(iter(ListLog().place(recorded)), flight=Flight(early=1))
    for at in (0, 1, 4):
        tape.place([worked_out(RUN[at], version=0)])
    tape.place([refused])
    tape.place([worked_out(RUN[2], version=0), worked_out(RUN[3], version=0)])
    with pytest.raises(DivergenceError):
        tape.place([worked_out(RUN[6], version=0)])


def test_without_versions_in_flight_who_said_what_is_worked_out_again():
    tape = Tape(iter(ListLog().place(RUN)))
    with pytest.raises(DivergenceError):
        tape.place([worked_out(RUN[0], version=1)])
