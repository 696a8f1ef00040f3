from company import gather

from simctl.agents.curriculum import Start
from simctl.agents.episodes.rehearse import Rehearse
from simctl.agents.tasks.schooled import SchooledChains
from simctl.bus.asks import ShowDemonstration
from simctl.bus.event import Event
from simctl.bus.messages import DemonstrationGiven


async def play(name: str = "e1.000", **settings: object) -> list[Event]:
    async with gather() as here:
        episode = Rehearse.model_validate({"kind": "rehearse", **settings})
        ended = await here.play(episode, name, SchooledChains({}), Start())
    assert ended.outcome == "completed"
    return list(here.log.read())


async def test_each_demonstration_is_in_the_log_token_by_token():
    events = await play(num_generations=5)
    async with gather() as here:
        given = [event for event in events if isinstance(event.message, DemonstrationGiven)]
        assert len(given) == 5
        for event in given:
            shown = event.message
            assert event.utterance.prompt_tokens == here.sampler.encode(shown.prompt)
            assert event.utterance.tokens == here.sampler.encode(shown.answer)


async def test_only_the_wanted_roles_and_lengths_are_shown():
    events = await play(num_generations=30, roles=["critic", "guide"], max_difficulty=3)
    asks = [event.message for event in events if isinstance(event.message, ShowDemonstration)]
    assert {ask.role for ask in asks} == {"critic", "guide"}
    assert max(len(ask.prompt.split(">")[0]) for ask in asks) <= 2 + 3 * 3


async def test_an_episode_always_shows_the_same_and_another_shows_something_else():
    first, again, other = await play(), await play(), await play("e1.001")
    assert [event.message for event in first] == [event.message for event in again]
    assert [event.message for event in first] != [event.message for event in other]
