"""What every engine promises: one contract, and each that this machine can run keeps it."""

import asyncio
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import chat
import pytest
from asking import Make, answer, request
from served import served
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from vllm_real import Begun, needs_vllm, over
from vllm_routes import Routes

from simctl.agents.policy.cassette import Cassette
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.endpoint import EndpointSampler
from simctl.agents.policy.engines import OpenAIEngine
from simctl.agents.policy.ensemble import Ensemble
from simctl.agents.policy.http import EndpointError, Poster
from simctl.agents.policy.sampler import Dialogue, Request, Sampler, Studied, Studies, Study
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Remote
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling
from simctl.bus.event import Utterance
from simctl.bus.quiescence import Quiescence
from simctl.cli.openai import OpenAI

PROMPTS = ("@7k+5l*3m-4>", "@2a+1>", "#>")


def application(path: Path, *more: Route) -> Starlette:
    quiescence = Quiescence()
    return OpenAI(
        TransformersSampler(path, 0, quiescence), Vocabulary(path), quiescence, "embedded"
    ).application(*more)


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """The embedded policy behind OpenAI's API."""
    with served(application(PATH)) as at:
        yield at


def here(quiescence: Quiescence) -> Sampler:
    return TransformersSampler(PATH, 0, quiescence)


def asked(url: str, **settings: object) -> OpenAIEngine:
    named = {"base_url": url, "model": "embedded", "api": "completions", "tokenizer": "embedded"}
    return OpenAIEngine.model_validate(named | settings)


def endpoint(settings: OpenAIEngine, path: Path = PATH) -> Make:
    def make(quiescence: Quiescence) -> Sampler:
        poster = Poster(settings.base_url, retries=settings.retries, sleep=lambda _: None)
        vocabulary = Vocabulary(path) if settings.api == "completions" else None
        return EndpointSampler(settings, poster, quiescence, vocabulary)

    return make


HEATS = (0.0, 1.0, 1.0, 0.0, 1.0, 1.0)
REQUESTS = tuple(request(PROMPTS[at % 3], at, heat) for at, heat in enumerate(HEATS))


@dataclass(frozen=True)
class Engine:
    """An engine, and which of the promises need more of it than others have."""

    make: Make
    path: Path = PATH  # its model
    dice: bool = True  # whether they are simctl's
    weighs: bool = True

    def here(self, quiescence: Quiescence) -> Sampler:
        """Return the engine that the others are held against, with the same model."""
        return TransformersSampler(self.path, 0, quiescence)


def recorded(stack: ExitStack) -> Make:
    """Return a cassette of what the model says to the requests of this file."""
    said = answer(here, REQUESTS)

    def make(quiescence: Quiescence) -> Sampler:
        cassette = Cassette(Vocabulary(PATH), 0, quiescence)
        kept = ((each.prompt_tokens, each.tokens, each.logprobs) for each in said)
        loaded = cassette.loaded({at: Utterance(*each) for at, each in enumerate(kept)})
        stack.enter_context(loaded)
        return cassette

    return make


ENGINES = ["transformers", "completions", "ensemble", "cassette", "vllm-stand-in"]


@pytest.fixture(params=[*ENGINES, pytest.param("vllm", marks=needs_vllm)])
def engine(request: pytest.FixtureRequest, url: str) -> Generator[Engine]:
    with ExitStack() as stack:
        match request.param:
            case "transformers":
                yield Engine(here)
            case "completions":
                yield Engine(endpoint(asked(url)))
            case "ensemble":
                yield Engine(lambda q: Ensemble(TransformersSampler(PATH, 0, q), {}, {}))
            case "cassette":
                yield Engine(recorded(stack), weighs=False)
            case "vllm-stand-in":
                at = stack.enter_context(served(Routes(PATH).application()))
                yield Engine(over(Remote(at), PATH))
            case _:
                path: Path = request.getfixturevalue("heads_of_32")
                server: Child = request.getfixturevalue("vllm_server")
                yield Engine(over(Begun(server, path), path), path, dice=False)


def test_every_request_is_answered_in_order_by_token_ids_with_logprobs(engine: Engine):
    vocabulary = Vocabulary(engine.path)
    for wanted, said in zip(REQUESTS, answer(engine.make, REQUESTS), strict=True):
        assert said.prompt_tokens == vocabulary.encode(wanted.prompt)
        assert len(said.tokens) == len(said.logprobs) > 0
        assert all(each <= 0.0 for each in said.logprobs)
        assert vocabulary.read(said.tokens) == (said.text, said.truncated)


def test_engines_of_one_model_say_the_same(engine: Engine):
    both = zip(answer(engine.here, REQUESTS), answer(engine.make, REQUESTS), strict=True)
    for heat, (ours, theirs) in zip(HEATS, both, strict=True):
        if engine.dice or heat == 0:
            assert ours.tokens == theirs.tokens


def test_what_an_engine_says_has_the_logprobs_that_its_model_gives_it(engine: Engine):
    said = answer(engine.make, REQUESTS)
    given = [
        Request(each.prompt_tokens, 0, Sampling(temperature=heat), each.tokens)
        for each, heat in zip(said, HEATS, strict=True)
    ]
    for ours, theirs in zip(answer(engine.here, given), said, strict=True):
        assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-4)


def test_a_given_answer_is_weighed_token_by_token_or_refused(engine: Engine):
    [said] = answer(engine.here, [request(PROMPTS[0], 5)])
    given = [Request(PROMPTS[0], 99, Sampling(), said.tokens)]
    if engine.weighs:
        [weighed] = answer(engine.make, given)
        assert weighed.tokens == said.tokens
        assert weighed.logprobs == pytest.approx(said.logprobs, abs=1e-4)
    else:
        with pytest.raises(ExceptionGroup) as caught:
            answer(engine.make, given)
        assert "has no answer to the prompt" in str(caught.value.exceptions[0])


def test_copies_learn_or_the_engine_says_that_none_can(engine: Engine):
    async def learn(studying: Studies, quiescence: Quiescence) -> list[Studied]:
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            learnt = await studying.study([Study((("#>", "1\n"),), ("#>",), 1, 1e-3)])
            pump.cancel()
        return learnt

    quiescence = Quiescence()
    sampler = engine.make(quiescence)
    if isinstance(sampler, VllmSampler):
        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(learn(sampler, quiescence))
        assert "no copy of vLLM's policy learns" in str(caught.value.exceptions[0])
    elif isinstance(sampler, Studies):
        [studied] = asyncio.run(learn(sampler, quiescence))
        assert len(studied.before) == len(studied.after) == 1


def test_an_answer_that_is_cut_off_says_so(engine: Engine):
    if engine.weighs:  # a cassette says what it said
        [said] = answer(engine.make, [request(PROMPTS[0], 7, length=2)])
        assert (len(said.tokens), said.truncated) == (2, True)


def test_what_an_endpoint_took_is_counted_in_its_own_tokens(url: str):
    [said] = answer(endpoint(asked(url)), [request(PROMPTS[0], 7)])
    assert said.spent == (len(said.prompt_tokens), len(said.tokens))


def flaky(*statuses: int, body: object = None, headers: dict[str, str] | None = None) -> Starlette:
    """Return an endpoint that answers with these statuses, one after the other."""
    left = list(statuses)

    async def complete(_: HttpRequest) -> Response:
        status = left.pop(0)
        return JSONResponse(body or {"error": "busy"}, status_code=status, headers=headers)

    return Starlette(routes=[Route("/v1/completions", complete, methods=["POST"])])


WHOLE = {
    "choices": [
        {
            "text": "x",
            "finish_reason": "stop",
            "token_ids": [1],
            "logprobs": {"token_logprobs": [-0.5]},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}


def test_an_endpoint_that_is_busy_is_asked_again():
    with served(flaky(503, 429, 200, body=WHOLE)) as at:
        [said] = answer(endpoint(asked(at)), [request("#>", 0)])
    assert (said.logprobs, said.spent) == ((-0.5,), (3, 1))


def test_an_endpoint_that_stays_busy_is_given_up_with_what_it_says():
    with (
        served(flaky(429, 429, 429)) as at,
        pytest.raises(ExceptionGroup) as caught,
    ):
        answer(endpoint(asked(at, retries=2)), [request("#>", 0)])
    assert "says 429" in str(caught.value.exceptions[0])


def test_a_refusal_is_not_tried_again():
    with served(flaky(401, 200, body=WHOLE)) as at, pytest.raises(ExceptionGroup) as caught:
        answer(endpoint(asked(at)), [request("#>", 0)])
    assert "says 401" in str(caught.value.exceptions[0])


def test_an_endpoint_without_token_ids_is_refused_for_training():
    body = {"choices": [{"text": "x", "finish_reason": "stop"}]}
    with served(flaky(200, body=body)) as at, pytest.raises(ExceptionGroup) as caught:
        answer(endpoint(asked(at)), [request("#>", 0)])
    assert "nothing can be trained on what it says" in str(caught.value.exceptions[0])


def test_pauses_double_and_an_endpoint_may_ask_for_longer_ones():
    pauses = list[float]()
    with served(flaky(503, 503, 429, 200, headers={"retry-after": "7"}, body=WHOLE)) as at:
        poster = Poster(at, sleep=pauses.append)
        poster.post("completions", {})
    assert [each for each in pauses if each] == [7.0, 7.0, 7.0]
    pauses.clear()
    with served(flaky(503, 503, 503, 200, body=WHOLE)) as at:
        Poster(at, sleep=pauses.append).post("completions", {})
    assert [each for each in pauses if each] == [0.5, 1.0, 2.0]


def test_requests_take_turns_so_many_a_minute():
    pauses = list[float]()
    with served(flaky(200, 200, 200, body=WHOLE)) as at:
        poster = Poster(at, per_minute=30, sleep=pauses.append, clock=lambda: 100.0)
        for _ in range(3):
            poster.post("completions", {})
    assert pauses == [0.0, 2.0, 4.0]


def test_a_chat_endpoint_answers_dialogues_in_texts(tmp_path: Path):
    path = chat.model(tmp_path)
    with served(application(path)) as at:
        settings = asked(at, api="chat", tokenizer="")
        wanted = Request(Dialogue("", "Hello"), 3, Sampling(max_completion_length=8))
        [said] = answer(endpoint(settings), [wanted])
        [same] = answer(lambda q: TransformersSampler(path, 0, q), [wanted])
    assert (said.text, said.tokens) == (same.text, ())
    assert said.spent == (len(same.prompt_tokens), len(same.tokens))


def test_a_chat_endpoint_says_what_it_cannot_do(url: str):
    make = endpoint(asked(url, api="chat"))
    for prompt in ("@2a+1>", Dialogue("", "Hello", begun="3 +")):
        with pytest.raises(ExceptionGroup) as caught:
            answer(make, [Request(prompt, 0, Sampling())])
        assert isinstance(caught.value.exceptions[0], EndpointError)


def test_what_another_engine_says_names_it_and_has_what_it_took(url: str):
    def make(quiescence: Quiescence) -> Sampler:
        critic = endpoint(asked(url))(quiescence)
        own = TransformersSampler(PATH, 0, quiescence)
        return Ensemble(own, {"critic": critic}, {"critic": "big"})

    wanted = Request("$2a+1>a+1=3|", 0, Sampling(), role="critic")
    [said] = answer(make, [wanted])
    [own] = answer(make, [Request("@2a+1>", 0, Sampling())])
    assert (said.engine, own.engine) == ("big", "")


def test_what_the_server_does_not_know_is_refused_by_name(url: str):
    with pytest.raises(EndpointError, match="stop: Extra inputs are not permitted"):
        Poster(url).post("completions", {"prompt": "#>", "stop": ["x"]})
