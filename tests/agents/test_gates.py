import pytest
from company import gather

from simctl.agents.gates.exam import Exam, share
from simctl.agents.gates.gate import Gate
from simctl.agents.gates.leaks import leak
from simctl.agents.gates.measure import measure


@pytest.mark.slow
async def test_every_gate_of_the_design_is_measured():
    async with gather() as here:
        found = await measure(Exam(here.sampler, questions=6))
    assert {gate.group for gate in found} == {"G1", "G2", "G3", "G5"}
    assert all(-1 <= gate.value <= 1 for gate in found)


async def test_an_exam_is_the_same_each_time():
    async with gather() as here:
        exam = Exam(here.sampler, questions=6)
        problems = exam.problems("a", range(4, 6))
        first = await exam.attempts(problems, "a")
        assert first == await exam.attempts(exam.problems("a", range(4, 6)), "a")


def test_a_gate_is_passed_within_its_bounds():
    assert Gate(group="G", name="n", value=0.3, least=0.3).passed
    assert not Gate(group="G", name="n", value=0.3, least=0.31).passed
    assert not Gate(group="G", name="n", value=0.3, most=0.29).passed
    assert Gate(group="G", name="n", value=0.3).passed


def test_a_leak_is_a_move_in_either_direction():
    assert leak("all roles", 0.1, 0.14).passed
    assert not leak("all roles", 0.1, 0.2).passed
    assert not leak("all roles", 0.2, 0.1).passed


def test_a_share_of_nothing_is_nothing():
    assert share([]) == 0.0
    assert share([True, False]) == 0.5
