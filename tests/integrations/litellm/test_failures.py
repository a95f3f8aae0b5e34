"""Whatever goes wrong becomes an error of the right kind, with a sentence that names the model and never the key."""

from __future__ import annotations

import time
from http import HTTPStatus

import pytest

from nanobot.errors import AuthFailed, ModelError, NanobotError, NotReady
from nanobot.testing.plugin import House
from tests.integrations.litellm.conftest import KEY, Configure, Local
from tests.integrations.openai_compatible.conftest import Stub, ask, text_of

CASES: dict[str, tuple[type[NanobotError], str]] = {
    "status:400": (ModelError, "local: {url} refuses the request with 400 Bad Request: stub error 400"),
    "status:401": (AuthFailed, "local: {url} refuses the key (401); set another one as 'api_key'"),
    "status:403": (AuthFailed, "local: {url} does not allow this (403): stub error 403"),
    "status:404": (ModelError, "local: {url} refuses the request with 404 Not Found: stub error 404"),
    "status:408": (NotReady, "local: {url} answers 408 Request Timeout: stub error 408"),
    "status:413": (ModelError, "local: the conversation is too long for this model: stub error 413"),
    "status:422": (ModelError, f"local: {{url}} refuses the request with 422 {HTTPStatus(422).phrase}: stub error 422"),
    "status:429": (NotReady, "local: {url} answers 429 Too Many Requests: stub error 429"),
    "status:500": (NotReady, "local: {url} answers 500 Internal Server Error: stub error 500"),
    "status:503": (NotReady, "local: {url} answers 503 Service Unavailable: stub error 503"),
    "status:529": (NotReady, "local: {url} answers 529: stub error 529"),
    "too_long": (
        ModelError,
        (
            "local: the conversation is too long for this model: This model's maximum context length is 8 tokens. "
            "However, your messages resulted in 9 tokens."
        ),
    ),
    "garbage": (NotReady, "local: {url} answered with something that cannot be read"),
    "html": (NotReady, "local: {url} answered with something that cannot be read"),
    "empty_choices": (NotReady, "local: the answer of {url} broke off"),
    "broken_sse": (NotReady, "local: {url} answered with something that cannot be read"),
    "says_nothing": (NotReady, "local: the answer of {url} broke off"),
    "truncated": (NotReady, "local: the answer of {url} broke off"),
    "reset": (NotReady, "local: {url} cannot be reached: it closed the connection"),
    "stream_error:429": (NotReady, "local: {url} answers 429 Too Many Requests: stub error 429"),
    "stream_error:401": (AuthFailed, "local: {url} refuses the key (401); set another one as 'api_key'"),
    "stream_error:invalid_request_error": (
        ModelError,
        "local: {url} refuses the request with 400 Bad Request: stub error invalid_request_error",
    ),
    "stream_error:server_error": (NotReady, "local: the answer of {url} broke off: stub error server_error"),
}


async def fails(house: House, name: str, text: str = "hi") -> NanobotError:
    with pytest.raises(NanobotError) as caught:
        await ask(house.hub.models.get(name), text)
    assert len(str(caught.value)) <= 400
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("fault", CASES)
async def test_what_the_server_does_becomes_an_error_and_the_next_request_works(
    configure: Configure, house: House, stub: Stub, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    await configure(api_key=KEY)
    kind, sentence = CASES[fault]
    error = await fails(house, "local", f"[[fault:{fault}]][[chunks:4]]")
    assert type(error) is kind
    assert str(error) == sentence.format(url=stub.base_url)
    assert (await stub.read("stats"))["requests"] == 1, "it was asked again in secret"
    assert text_of(await ask(house.hub.models.get("local"), "again")) == "pong"
    assert capfd.readouterr() == ("", "")  # no advice for programmers


@pytest.mark.parametrize("fault", ["garbage", "html", "truncated", "reset", "empty_choices", "status:500"])
async def test_a_model_that_does_not_stream_fails_as_well(configure: Configure, house: House, fault: str) -> None:
    await configure({"local": {"model": "openai/m", "stream": False}})
    assert isinstance(await fails(house, "local", f"[[fault:{fault}]]"), NotReady)


@pytest.mark.parametrize("fault", ["hang", "silent"])
async def test_silence_ends_after_the_time_that_is_configured(
    configure: Configure, house: House, stub: Stub, fault: str
) -> None:
    await configure()
    await ask(house.hub.models.get("local"), "the library is there")
    await configure(timeout=0.3)
    began = time.monotonic()
    error = await fails(house, "local", f"[[chunks:4]][[fault:{fault}]]")
    assert 0.25 < time.monotonic() - began < 5
    assert type(error) is NotReady
    assert str(error) == "local said nothing for 0.3 s"
    await stub.wait(disconnected=1)


async def test_an_answer_may_take_longer_than_the_time_for_silence(configure: Configure, local: Local) -> None:
    await configure(timeout=0.7)
    assert text_of(await ask(local(), "[[reply:abcdefgh]][[chunks:8]][[chunk_delay:0.15]]")) == "abcdefgh"


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("retry:7", 7), ("retry:0.5", 0.5), ("retry:250ms", 0.25), ("status:429", None), ("retry:soon", None)],
)
async def test_a_server_may_say_when_it_wants_to_be_asked_again(
    configure: Configure, house: House, fault: str, seconds: float | None
) -> None:
    await configure()
    error = await fails(house, "local", f"[[fault:{fault}]]")
    assert isinstance(error, NotReady)
    assert error.retry_after == seconds


async def test_the_key_stays_secret_also_when_the_server_repeats_it(
    configure: Configure, house: House, stub: Stub
) -> None:
    await stub.tell("config", {"api_key": "another"})
    await configure(api_key=KEY)
    assert isinstance(await fails(house, "local"), AuthFailed)  # the server answers with the key in its message
    await stub.tell("config", {"api_key": ""})
    error = await fails(house, "local", "[[fault:stream_error:" + KEY + "]]")
    assert "••••" in str(error)


async def test_a_server_that_is_away_is_told_by_its_address(configure: Configure, house: House) -> None:
    await configure({"away": "openai/m", "unknown": {"model": "openai/m", "base_url": "http://nowhere.invalid/v1"}},
                    base_url="http://127.0.0.1:9/v1")  # fmt: skip
    assert str(await fails(house, "away")) == "away: http://127.0.0.1:9/v1 cannot be reached: connection refused"
    error = await fails(house, "unknown")
    assert isinstance(error, NotReady)
    assert str(error) == "unknown: http://nowhere.invalid/v1 cannot be reached: its name is not known"


@pytest.mark.parametrize(
    ("model", "kind", "sentence"),
    [
        ("openai/gpt-4.1-mini", AuthFailed, "m: openai wants a key (401); set it as 'api_key'"),
        ("gpt-4.1-mini", AuthFailed, "m: the provider of gpt-4.1-mini wants a key (401); set it as 'api_key'"),
        ("anthropic/claude-sonnet-4-5", AuthFailed, "m: anthropic wants a key (401); set it as 'api_key'"),
        ("gemini/gemini-2.5-pro", AuthFailed, "m: gemini wants a key (401); set it as 'api_key'"),
        ("antropic/claude", ModelError, "m: litellm does not know this provider; write it as 'provider/model'"),
        ("vertex_ai/gemini-2.5-pro", ModelError, "m: litellm needs the Python module google for vertex_ai"),
    ],
)
async def test_what_is_missing_is_named_before_anything_is_sent(
    house: House, model: str, kind: type[NanobotError], sentence: str
) -> None:
    await house.start(f"litellm:\n  models:\n    m: {model}\n")
    error = await fails(house, "m")
    assert (type(error), str(error)) == (kind, sentence)


async def test_a_parameter_that_a_model_does_not_take_is_named(configure: Configure, house: House) -> None:
    await configure({"local": {"model": "openai/o3", "temperature": 0.2}})
    error = await fails(house, "local")
    assert isinstance(error, ModelError)
    assert str(error).endswith("O-series models don't support temperature=0.2. Only temperature=1 is supported.")
