"""What every engine promises: one contract, and each that this machine can run keeps it."""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import chat
import pytest
from asking import Make, answer, request
from served import served
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simctl.agents.policy.cassette import Cassette
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.endpoint import EndpointSampler
from simctl.agents.policy.engines import OpenAIEngine
from simctl.agents.policy.ensemble import Ensemble
from simctl.agents.policy.http import EndpointError, Poster
from simctl.agents.policy.sampler import Dialogue, Request, Sampler
from simctl.agents.policy.transformers import TransformersSampler
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


def recorded(stack: ExitStack) -> Make:
    """Return a cassette of what the model says to the requests of this file."""
    said = answer(here, [request(PROMPTS[at % 3], at, heat) for at, heat in enumerate(HEATS)])

    def make(quiescence: Quiescence) -> Sampler:
        cassette = Cassette(Vocabulary(PATH), 0, quiescence)
        kept = ((each.prompt_tokens, each.tokens, each.logprobs) for each in said)
        loaded = cassette.loaded({at: Utterance(*each) for at, each in enumerate(kept)})
        stack.enter_context(loaded)
        return cassette

    return make


@pytest.fixture(params=["transformers", "completions", "ensemble", "cassette"])
def make(request: pytest.FixtureRequest, url: str) -> Generator[Make]:
    with ExitStack() as stack:
        match request.param:
            case "transformers":
                yield here
            case "completions":
                yield endpoint(asked(url))
            case "ensemble":
                yield lambda q: Ensemble(TransformersSampler(PATH, 0, q), {}, {})
            case _:
                yield recorded(stack)


def test_every_request_is_answered_in_order_by_token_ids_with_logprobs(make: Make):
    requests = [request(PROMPTS[at % 3], at, heat) for at, heat in enumerate(HEATS)]
    vocabulary = Vocabulary(PATH)
    for wanted, said in zip(requests, answer(make, requests), strict=True):
        assert said.prompt_tokens == vocabulary.encode(wanted.prompt)
        assert len(said.tokens) == len(said.logprobs) > 0
        assert all(each <= 0.0 for each in said.logprobs)
        assert vocabulary.read(said.tokens) == (said.text, said.truncated)


def test_engines_of_one_model_say_the_same_with_the_same_logprobs(make: Make):
    requests = [request(PROMPTS[at % 3], at, heat) for at, heat in enumerate(HEATS)]
    for ours, theirs in zip(answer(here, requests), answer(make, requests), strict=True):
        assert ours.tokens == theirs.tokens
        assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-4)


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_given_answer_is_weighed_token_by_token(url: str, where: str):
    make = here if where == "here" else endpoint(asked(url))
    [said] = answer(here, [request(PROMPTS[0], 5)])
    given = Request(PROMPTS[0], 0, Sampling(), said.tokens)
    [weighed] = answer(make, [given])
    assert weighed.tokens == said.tokens
    assert weighed.logprobs == pytest.approx(said.logprobs, abs=1e-4)


def test_an_answer_that_is_cut_off_says_so_wherever_it_is_made(url: str):
    [said] = answer(endpoint(asked(url)), [request(PROMPTS[0], 7, length=2)])
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
