"""Modes on the command line of `simctl eval`."""

import pytest
from calls import Command

from simctl.agents.inference import AnyMode, Refine, Tree, Vote
from simctl.cli.errors import UserError
from simctl.cli.measure import mode


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("vote", Vote()),
        ("vote:n=16,temperature=0.7", Vote(n=16, temperature=0.7)),
        ("refine:gate=none, restart=true", Refine(gate="none", restart=True)),
        ("tree:judge=critique,budget=512", Tree(judge="critique", budget=512)),
    ],
)
def test_a_mode_is_named_with_what_differs_from_its_default(text: str, meant: AnyMode):
    assert mode(text) == meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("votes", 'mode.kind is "votes"; it must be'),
        ("vote:m=3", "mode.m is no key; allowed here: "),
        ("vote:n=0", "mode.n is 0; it must be at least 1"),
    ],
)
def test_what_is_no_mode_is_told(text: str, told: str):
    with pytest.raises(UserError, match=f"^--mode {text}: .*{told}"):
        mode(text)


@pytest.mark.slow
def test_modes_stand_side_by_side_with_their_cost(simctl: Command):
    wanted = ("--mode", "single", "--mode", "vote:n=2")
    said = simctl("eval", "embedded", "--suite", "beyond-12", *wanted)
    rows = [line.split() for line in said.out.splitlines()[2:]]
    assert said.code == 0, said.err
    assert [row[1:-3] for row in rows] == [["greedy"], ["sampled"], ["vote", "n=2"]]
    costs = [float(row[-1]) for row in rows]
    assert costs[2] == pytest.approx(2 * costs[1], rel=0.05)
