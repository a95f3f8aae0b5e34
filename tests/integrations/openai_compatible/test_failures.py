"""Whatever goes wrong becomes an error of the right kind, with a sentence that names the model and never the key."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientTimeout

from nanobot.contracts.model import Model
from nanobot.errors import AuthFailed, ModelError, NanobotError, NotReady
from nanobot.testing.plugin import House
from tests.integrations.openai_compatible.conftest import KEY, Stub, ask, text_of
from tests.machine import need

Configure = Callable[..., Awaitable[None]]
Local = Callable[[], Model]

BEGUN = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
PIECE = b'data: {"choices": [{"index": 0, "delta": {"content": "half an"}}]}\n\n'


async def fails(model: Model, text: str) -> NanobotError:
    """The error, after which the next request is answered as ever."""
    with pytest.raises(NanobotError) as caught:
        await ask(model, text)
    return caught.value


CASES: dict[str, tuple[type[NanobotError], str]] = {
    "status:400": (ModelError, "local: {url} refuses the request with 400 Bad Request: stub error 400"),
    "status:401": (AuthFailed, "local: {url} wants a key (401); set it as 'api_key'"),
    "status:402": (ModelError, "local: {url} refuses the request with 402 Payment Required: stub error 402"),
    "status:403": (AuthFailed, "local: {url} does not allow this (403): stub error 403"),
    "status:404": (ModelError, "local: {url} refuses the request with 404 Not Found: stub error 404"),
    "status:408": (NotReady, "local: {url} answers 408 Request Timeout: stub error 408"),
    "status:409": (NotReady, "local: {url} answers 409 Conflict: stub error 409"),
    "status:413": (ModelError, "local: the conversation is too long for this model: stub error 413"),
    "status:425": (NotReady, "local: {url} answers 425 Too Early: stub error 425"),
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
    "tokens_per_minute": (
        NotReady,
        (
            "local: {url} answers 429 Too Many Requests: Rate limit reached for stub on tokens per min (TPM): "
            "Limit 900, Used 800, Requested 200. Please try again in 20ms."
        ),
    ),
    "too_large": (
        ModelError,
        (
            "local: the conversation is too long for its limit: Request too large for stub on tokens per min (TPM): "
            "Limit 900, Requested 1200."
        ),
    ),
    "garbage": (NotReady, "local: {url} answered with something that cannot be read"),
    "html": (NotReady, "local: {url} answered with something that cannot be read"),
    "broken_sse": (NotReady, "local: {url} answered with something that cannot be read"),
    "says_nothing": (NotReady, "local: the answer of {url} broke off"),
    "truncated": (NotReady, "local: the answer of {url} broke off"),
    "reset": (NotReady, "local: {url} cannot be reached: it closed the connection"),
    "stream_error:429": (NotReady, "local: {url} answers 429 Too Many Requests: stub error 429"),
    "stream_error:401": (AuthFailed, "local: {url} wants a key (401); set it as 'api_key'"),
    "stream_error:invalid_request_error": (
        ModelError,
        "local: {url} refuses the request with 400 Bad Request: stub error invalid_request_error",
    ),
    "stream_error:rate_limit_exceeded": (
        NotReady,
        "local: {url} answers 429 Too Many Requests: stub error rate_limit_exceeded",
    ),
    "stream_error:server_error": (NotReady, "local: the answer of {url} broke off: stub error server_error"),
    "long_line:9000000": (NotReady, "local: {url} sent more than 8 MiB at once"),
}


@pytest.mark.parametrize("fault", CASES)
async def test_what_the_server_does_becomes_an_error_and_the_next_request_works(
    configure: Configure, local: Local, stub: Stub, fault: str
) -> None:
    await configure()
    kind, sentence = CASES[fault]
    error = await fails(local(), f"[[fault:{fault}]][[chunks:4]]")
    assert type(error) is kind
    assert str(error) == sentence.format(url=stub.base_url)
    assert text_of(await ask(local(), "again")) == "pong"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "document"])
@pytest.mark.parametrize("fault", ["garbage", "html", "truncated", "reset"])
async def test_a_model_that_does_not_stream_fails_as_well(
    configure: Configure, local: Local, fault: str, stream: bool
) -> None:
    await configure({"local": {"model": "m", "stream": stream}})
    assert isinstance(await fails(local(), f"[[fault:{fault}]]"), NotReady)


@pytest.mark.parametrize("fault", ["hang", "silent"])
async def test_silence_ends_after_the_time_that_is_configured(
    configure: Configure, local: Local, stub: Stub, fault: str
) -> None:
    await configure(timeout=0.3)
    began = time.monotonic()
    error = await fails(local(), f"[[chunks:4]][[fault:{fault}]]")
    assert 0.25 < time.monotonic() - began < 5
    assert type(error) is NotReady
    assert str(error) == "local said nothing for 0.3 s"
    await stub.wait(disconnected=1)


async def test_an_answer_may_take_longer_than_the_time_for_silence(configure: Configure, local: Local) -> None:
    await configure(timeout=0.5)
    assert text_of(await ask(local(), "[[reply:abcdefgh]][[chunks:8]][[chunk_delay:0.1]]")) == "abcdefgh"


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("retry:7", 7), ("retry:0.5", 0.5), ("retry:250ms", 0.25), ("status:429", None), ("retry:soon", None)],
)
async def test_a_server_may_say_when_it_wants_to_be_asked_again(
    configure: Configure, local: Local, fault: str, seconds: float | None
) -> None:
    await configure()
    error = await fails(local(), f"[[fault:{fault}]]")
    assert isinstance(error, NotReady)
    assert error.retry_after == seconds


async def test_it_may_say_so_with_a_date_and_with_any_error_that_passes(configure: Configure, local: Local) -> None:
    await configure()
    date = formatdate(time.time() + 60, usegmt=True)
    error = await fails(local(), f"[[fault:status:503]][[retry:{date}]]")
    assert isinstance(error, NotReady)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 61


@pytest.mark.parametrize("when", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "soon", "1e999", "nan"])
async def test_a_time_that_makes_no_sense_is_none(configure: Configure, local: Local, when: str) -> None:
    await configure()
    error = await fails(local(), f"[[fault:status:503]][[retry:{when}]]")
    assert isinstance(error, NotReady)
    assert error.retry_after is None


# -- keys ---------------------------------------------------------------------------------------------


async def test_a_key_that_is_refused_appears_nowhere(
    configure: Configure, local: Local, stub: Stub, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await stub.tell("config", {"api_key": "another one"})
    await configure(api_key=KEY)
    error = await fails(local(), "hi")
    assert str(error) == f"local: {stub.base_url} refuses the key (401); set another one as 'api_key'"
    assert type(error) is AuthFailed
    for fault in ("status:500", "reset", "garbage", "truncated"):
        await fails(local(), f"[[fault:{fault}]]")
    shown = [state.as_dict() for state in house.hub.states]
    assert KEY not in f"{error!r} {shown} {caplog.text} {house.entry('openai_compatible').config}"
    assert KEY[-8:] not in caplog.text


async def test_what_a_server_repeats_of_a_key_is_hidden(configure: Configure, local: Local, house: House) -> None:
    body = f'{{"error": {{"message": "no such project for {KEY}"}}}}'.encode()
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with odd_server(head + body) as url:
        await configure(base_url=url, api_key=KEY)
        error = await fails(local(), "hi")
    assert str(error) == f"local: {url} refuses the request with 400 Bad Request: no such project for ••••"


async def test_nobody_is_sent_elsewhere_with_the_key(
    configure: Configure, local: Local, stub: Stub, house: House
) -> None:
    elsewhere = stub.base_url.replace("127.0.0.1", "localhost")
    await configure(api_key=KEY)
    error = await fails(local(), f"[[fault:redirect:{elsewhere}/chat/completions?key=1]]")
    assert type(error) is ModelError
    assert str(error) == (
        f"local: {stub.base_url} sends elsewhere (307), to {elsewhere}/chat/completions; "
        "write that address as 'base_url'"
    )
    assert (await stub.read("stats"))["requests"] == 1


# -- no connection --------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_named(configure: Configure, local: Local, house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        await configure(base_url=url)
        error = await fails(local(), "hi")
    assert type(error) is NotReady
    assert str(error) == f"local: {url} cannot be reached: connection refused"


async def test_a_server_that_does_not_take_the_connection(
    configure: Configure, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = importlib.import_module("integrations.openai_compatible.server")
    monkeypatch.setattr(module, "_PATIENCE", ClientTimeout(total=None, sock_connect=0.3))
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # fill its queue
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        await configure(base_url=url)
        error = await fails(local(), "hi")
    assert type(error) is NotReady
    assert str(error) == f"local: {url} cannot be reached: no connection within 10 s"


async def test_a_name_that_nobody_knows(configure: Configure, local: Local) -> None:
    await configure(base_url="http://nowhere.invalid/v1")
    error = await fails(local(), "hi")
    assert type(error) is NotReady
    assert str(error) == "local: http://nowhere.invalid/v1 cannot be reached: its name is not known"


async def test_a_certificate_that_nobody_signed(configure: Configure, local: Local, tmp_path: Path) -> None:
    context = certified(tmp_path)
    async with odd_server(b"", ssl=context) as url:
        await configure(base_url=url)
        error = await fails(local(), "hi")
    assert type(error) is NotReady
    assert str(error) == f"local: {url} cannot be reached: its certificate is not trusted"


async def test_a_server_that_does_not_speak_tls(configure: Configure, local: Local) -> None:
    async with odd_server(b"what?") as url:
        url = url.replace("http:", "https:")
        await configure(base_url=url)
        error = await fails(local(), "hi")
    assert type(error) is NotReady
    assert str(error) == f"local: {url} cannot be reached: no encrypted connection can be made"


# -- odd servers ------------------------------------------------------------------------------------------


ODD: dict[str, tuple[bytes, type[NanobotError], str]] = {
    "no http at all": (b"hello\r\n\r\n", NotReady, "local: {url} cannot be reached: "),
    "nothing": (BEGUN, NotReady, "local: {url} answered with something that cannot be read"),
    "cut where nothing marks the end": (BEGUN + PIECE, NotReady, "local: the answer of {url} broke off"),
    "a path that is not there": (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n404 page not found",
        ModelError,
        (
            "local: {url} refuses the request with 404 Not Found; 'base_url' should be the part before "
            "/chat/completions, which often ends in /v1"
        ),
    ),
    "a page instead of an error": (
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>",
        NotReady,
        "local: {url} answers 502 Bad Gateway",
    ),
    "an error in a list": (
        b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n[{"error": {"message": "API key expired"}}]',
        ModelError,
        "local: {url} refuses the request with 400 Bad Request: API key expired",
    ),
    "an error of FastAPI": (
        b'HTTP/1.1 422 Unprocessable Entity\r\nConnection: close\r\n\r\n{"detail": [{"msg": "field required"}]}',
        ModelError,
        "field required",
    ),
    "an error in text": (
        b'HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n{"error": "out of memory"}',
        NotReady,
        "local: {url} answers 500 Internal Server Error: out of memory",
    ),
    "an endless error": (
        b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n" + b"word " * 100_000,
        NotReady,
        "local: {url} answers 500 Internal Server Error: word word",
    ),
    "an error with 200": (
        BEGUN + b'{"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "boom"}}}',
        NotReady,
        "local: {url} answers 502 Bad Gateway: Provider returned error: boom",
    ),
    "a conversation that is too long for llama.cpp": (
        BEGUN + b'data: {"error": {"message": "the request exceeds the available context size", "code": 400}}\n\n',
        ModelError,
        "local: the conversation is too long for this model: the request exceeds the available context size",
    ),
    "a document of something else": (BEGUN + b'{"hello": 1}', NotReady, "local: {url} answered with something that"),
    "pieces of something else": (
        BEGUN + b'data: {"choices": [{"delta": "text"}]}\n\n',
        NotReady,
        "local: {url} answered with something that cannot be read",
    ),
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_server(configure: Configure, local: Local, case: str) -> None:
    answer, kind, sentence = ODD[case]
    async with odd_server(answer) as url:
        await configure(base_url=url)
        error = await fails(local(), "hi")
    assert type(error) is kind
    assert sentence.format(url=url) in str(error)
    assert len(str(error)) < 450


async def test_events_without_an_empty_line_between_them_are_understood(configure: Configure, local: Local) -> None:
    lines = b"".join(b'data: {"choices": [{"delta": {"content": "%s"}}]}\n' % word for word in (b"one ", b"two"))
    async with odd_server(BEGUN + lines + b"data: [DONE]\n") as url:
        await configure(base_url=url)
        assert text_of(await ask(local(), "hi")) == "one two"


@contextlib.asynccontextmanager
async def odd_server(answer: bytes, **options: Any) -> AsyncIterator[str]:
    """Says the same to everybody, whatever was asked, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(65536)
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    scheme = "https" if options else "http"
    async with server:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def certified(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed but itself."""
    need("openssl")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
