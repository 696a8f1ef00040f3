"""A vLLM server sleeps while the trainer learns, and never while it is asked."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from served import served
from troupe import perform
from vllm_routes import Routes

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.transformers import EXACT
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Remote
from simctl.bus.asks import Sampling
from simctl.bus.event import Event
from simctl.bus.quiescence import Quiescence
from simctl.cli import vllm
from simctl.cli.errors import RecipeError
from simctl.cli.policies import PolicyError
from simctl.cli.recipe import Recipe, load
from simctl.store.memory_log import ListLog

ASKED = Request("@2a+1>", 1, Sampling(max_completion_length=8))
SETS = (
    "run.rounds=2", "run.eval_every=1", "run.episodes=2", "episode.num_generations=2",
    'suite=[{name = "targets", difficulty = 2, problems = 2, max_completion_length = 8}]',
    "sampler.engine=vllm",
)  # fmt: skip


def recipe(*sets: str) -> Recipe:
    return load("grpo", [*SETS, *sets])


def found(url: str) -> list[str]:
    return [f"sampler.url={url}", "sampler.model=policy"]


@contextmanager
def sampler(routes: Routes, quiescence: Quiescence) -> Generator[VllmSampler]:
    with served(routes.application()) as url:
        yield VllmSampler(
            Remote(url), "policy", PATH, 0, quiescence=quiescence, tolerance=EXACT, sleeps=True
        )


async def ask(sampler: VllmSampler, quiescence: Quiescence) -> Completion:
    async with asyncio.TaskGroup() as group:
        pump = group.create_task(quiescence.run())
        [said] = await sampler.sample([ASKED])
        pump.cancel()
    return said


@dataclass
class Played:
    """A run whose policy rests, and one whose does not."""

    routes: Routes
    ended: list[int] = field(default_factory=list[int])  # rounds, by the log, each time it rested
    events: list[Event] = field(default_factory=list[Event])
    awake: list[Event] = field(default_factory=list[Event])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    played, place = Played(Routes(PATH, sleeps=True)), tmp_path_factory.mktemp("rest")

    class Noting(VllmSampler):
        """Notes how far the log is when it rests."""

        log: ListLog

        def rest(self) -> None:
            played.ended.append([each.kind for each in self.log.read()].count("round_ended"))
            super().rest()

    def perform_at(routes: Routes, recipe: Recipe) -> list[Event]:
        def make(quiescence: Quiescence, log: ListLog) -> Noting:
            made = Noting(
                Remote(url), "policy", PATH, 0, quiescence=quiescence, tolerance=EXACT, sleeps=True
            )
            made.log = log
            return made

        with served(routes.application()) as url:
            return perform(recipe, place / "policies", make)

    played.events = perform_at(played.routes, recipe("sampler.sleep=true"))
    played.awake = perform_at(Routes(PATH), recipe())
    return played


def test_it_sleeps_before_the_trainer_hears_that_it_may_learn(played: Played):
    assert played.ended == [0, 1]


def test_it_is_woken_for_the_new_weights(played: Played):
    begun = ["wake", "reload"]  # it might have been found asleep
    assert played.routes.done == [*begun, *["sleep 1", "wake", "reload"] * 2]


def test_nobody_asks_it_in_its_sleep(played: Played):
    assert played.routes.held.disturbed == 0
    assert "role_failed" not in {each.kind for each in played.events}


def test_the_run_is_the_one_in_which_it_stays_awake(played: Played):
    def said(events: list[Event]) -> list[tuple[str, int, tuple[int, ...]]]:
        spoken = (each.utterance.tokens if each.utterance else () for each in events)
        return [(e.kind, e.round, t) for e, t in zip(events, spoken, strict=True)]

    assert sorted(said(played.events)) == sorted(said(played.awake))


def test_a_question_wakes_it():
    routes, quiescence = Routes(PATH, sleeps=True), Quiescence()
    with sampler(routes, quiescence) as held:
        held.rest()
        said = asyncio.run(ask(held, quiescence))
    assert len(said.tokens) > 0
    assert routes.done[-2:] == ["sleep 1", "wake"]


def test_one_that_is_found_asleep_is_woken():
    routes = Routes(PATH, sleeps=True)
    routes.held.asleep = True  # by a run that was killed
    with sampler(routes, Quiescence()):
        assert not routes.held.asleep


def test_one_of_somebody_elses_is_left_awake():
    routes = Routes(PATH, sleeps=True)
    with sampler(routes, Quiescence()) as held:
        held.rest()
        held.close()
        assert not routes.held.asleep


def test_one_that_does_not_wake_is_not_trusted():
    routes = Routes(PATH, sleeps=True)
    with sampler(routes, Quiescence()) as held:
        held.rest()
        routes.wakes = False
        with pytest.raises(EndpointError, match="was to wake"):
            held.propose(1, PATH)
        with pytest.raises(EndpointError, match="was to wake"):
            held.reject()


def test_a_server_that_cannot_sleep_is_refused_at_once():
    with served(Routes(PATH).application()) as url:
        asked = recipe("sampler.sleep=true", *found(url))
        with pytest.raises(PolicyError, match="begin it with --enable-sleep-mode"):
            vllm.check(asked, PATH)


def test_on_a_cpu_vllm_is_not_begun_to_sleep(tmp_path: Path):
    program = tmp_path / "vllm"
    program.touch(mode=0o755)
    asked = recipe("sampler.sleep=true", "sampler.device=cpu", f"sampler.command={program}")
    with pytest.raises(PolicyError, match="vLLM cannot sleep on a CPU"):
        vllm.check(asked, PATH)


@pytest.mark.parametrize(
    ("sets", "why"),
    [
        (["sampler.engine=transformers"], 'sampler.sleep is for sampler.engine "vllm"'),
        (["trainer.max_staleness=1"], "with trainer.max_staleness it is asked meanwhile"),
    ],
)
def test_where_nothing_is_idle_nothing_sleeps(sets: list[str], why: str):
    with pytest.raises(RecipeError, match=why):
        recipe("sampler.sleep=true", *sets)
