"""What may be written, what is said about mistakes, and how models of several servers live together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from integrations.openai_compatible import rights
from nanobot.contracts.model import Delta, Model
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.issues import ISSUE_CREATED, ISSUE_RESOLVED
from nanobot.testing.plugin import House
from tests.integrations.openai_compatible.conftest import KEY, Stub, ask, text_of

Configure = Callable[..., Awaitable[None]]

FULL = """
openai_compatible:
  base_url: http://localhost:11434/v1/
  timeout: 60
  retries: 3
  models:
    local: qwen3:8b
    clever:
      model: gpt-oss:120b
      temperature: 0.2
      max_tokens: 2000
      timeout: 300
      retries: 1
      fallbacks: local
      parameters: {top_p: 0.9, logit_bias: {50256: -100}}
      stream: false
openai_compatible cloud:
  base_url: https://models.example/v1
  api_key: sk-not-a-real-key
  model: big
"""


async def test_everything_that_can_be_written(house: House) -> None:
    await house.start(FULL)
    assert [str(problem) for problem in house.edits.problems] == []
    assert {entry_id: house.entry(entry_id).state for entry_id in ("openai_compatible", "openai_compatible cloud")} == {
        "openai_compatible": EntryState.LOADED,
        "openai_compatible cloud": EntryState.LOADED,
    }
    local, clever, cloud = (house.hub.models.get(name) for name in ("local", "clever", "openai_compatible cloud"))
    assert local is not None
    assert clever is not None
    assert cloud is not None
    assert (local.timeout, local.retries, local.fallbacks) == (60, 3, ())
    assert (clever.timeout, clever.retries, clever.fallbacks) == (300, 1, ("local",))
    assert (cloud.timeout, cloud.retries, cloud.fallbacks) == (120, 2, ())
    assert len(house.hub.issues) == 0


WRONG: dict[str, tuple[str, str]] = {
    "no address": ("model: m", "openai_compatible: the option 'base_url' is missing"),
    "no model": (
        "base_url: http://localhost/v1",
        "openai_compatible: one of 'model', 'models', 'embeddings' is needed",
    ),
    "not the web": (
        "base_url: ftp://localhost/v1\n  model: m",
        "openai_compatible > base_url: 'ftp://localhost/v1' is not an address; write it like 'https://example.com'",
    ),
    "a password in the address": (
        "base_url: http://me:hidden@localhost/v1\n  model: m",
        "openai_compatible > base_url: the address must not hold a name or a password; use 'api_key' or 'headers'",
    ),
    "a key with a line break": (
        'base_url: http://localhost/v1\n  api_key: "abcd\\nefgh"\n  model: m',
        "openai_compatible > api_key: this cannot be a key: it has line breaks or characters that no key has",
    ),
    "a header that is none": (
        "base_url: http://localhost/v1\n  headers: {X Title: a}\n  model: m",
        "openai_compatible > headers > X Title: this cannot be the name of a header",
    ),
    "an unknown option": (
        "base_url: http://localhost/v1\n  modles: {a: b}\n  model: m",
        "openai_compatible > modles: unknown option; did you mean 'models'?",
    ),
    "an unknown option of a model": (
        "base_url: http://localhost/v1\n  models:\n    a: {model: m, fallback: b}",
        "openai_compatible > models > a > fallback: unknown option; did you mean 'fallbacks'?",
    ),
    "a model without a model": (
        "base_url: http://localhost/v1\n  models:\n    a: {temperature: 1}",
        "openai_compatible > models > a: the option 'model' is missing",
    ),
    "too hot": (
        "base_url: http://localhost/v1\n  models:\n    a: {model: m, temperature: 3}",
        "openai_compatible > models > a > temperature: 3 is out of range; it has to be from 0 to 2",
    ),
    "a parameter that is none": (
        "base_url: http://localhost/v1\n  models:\n    a: {model: m, parameters: {stream: true}}",
        "openai_compatible > models > a > parameters > stream: this is no parameter; nanobot fills it in",
    ),
    "no patience at all": (
        "base_url: http://localhost/v1\n  timeout: 0\n  model: m",
        "openai_compatible > timeout: 0 is out of range; it has to be from 0.1 to 86400",
    ),
    "one and many": (
        "base_url: http://localhost/v1\n  model: m\n  models: {a: b}",
        "only one of 'model', 'models' may be given",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_mistake_is_named_with_its_place(house: House, case: str) -> None:
    text, sentence = WRONG[case]
    await house.start(f"openai_compatible:\n  {text}\n")
    (problem,) = house.edits.problems
    assert str(problem).endswith(sentence)
    assert str(problem).startswith("configuration.yaml:")
    assert "hidden" not in str(problem)


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("http://localhost:11434/v1", "sends conversations to http://localhost:11434/v1"),
        ("https://a.example/v1/?key=hidden", "sends conversations to https://a.example/v1"),
        ("https://a.example/v1/chat/completions", "sends conversations to https://a.example/v1"),
    ],
)
def test_it_is_said_where_conversations_go(base_url: str, told: str) -> None:
    assert rights({"base_url": base_url, "model": "m"}) == {told}


@pytest.mark.parametrize(
    ("base_url", "key", "warned"),
    [
        ("http://models.example/v1", KEY, True),
        ("http://8.8.8.8/v1", KEY, True),
        ("http://models.example/v1", None, False),
        ("https://models.example/v1", KEY, False),
        ("http://localhost:1/v1", KEY, False),
        ("http://192.168.1.7:1/v1", KEY, False),
        ("http://[::1]:1/v1", KEY, False),
        ("http://100.100.1.1:1/v1", KEY, False),
        ("http://ollama:11434/v1", KEY, False),
        ("http://box.local/v1", KEY, False),
    ],
)
async def test_a_key_that_travels_unencrypted_is_warned_of(
    house: House, configure: Configure, base_url: str, key: str | None, warned: bool
) -> None:
    await configure(base_url=base_url, **({"api_key": key} if key else {}))
    issue = house.hub.issues.get("openai_compatible.unencrypted")
    assert (issue is not None) is warned
    if issue is not None:
        assert issue.text().startswith(f"The key for {base_url} and all conversations")


async def test_a_base_url_may_hold_a_query_which_is_not_shown(configure: Configure, house: House, stub: Stub) -> None:
    await configure(base_url=f"{stub.base_url}/chat/completions?api-version=1")
    assert text_of(await ask(house.hub.models.get("local"), "hi")) == "pong"
    with pytest.raises(Exception, match="refuses the request with 400 Bad Request") as caught:
        await ask(house.hub.models.get("local"), "[[fault:status:400]]")
    assert "api-version" not in str(caught.value)


# -- names ------------------------------------------------------------------------------------------


async def test_two_models_of_one_name_are_told_and_the_second_takes_over(house: House, stub: Stub) -> None:
    one = f"openai_compatible:\n  base_url: {stub.base_url}\n  models: {{local: stub-model, mine: stub-model}}\n"
    two = f"openai_compatible two:\n  base_url: {stub.base_url}\n  models: {{local: stub-model, extra: stub-model}}\n"
    await house.start(one + two)
    models = house.hub.models
    assert sorted(models.names()) == ["extra", "local", "mine"]
    (issue,) = house.hub.issues
    here, other = ("openai_compatible two", "openai_compatible")
    if owner(house, "local") == here:
        here, other = other, here
    assert issue.text() == (
        f"Two models are named 'local': one of {here} and one of {other}. That of {other} is used; "
        "give one of the two another name."
    )
    await house.apply(one.replace("local:", "other:") + two)
    assert sorted(models.names()) == ["extra", "local", "mine", "other"]
    assert len(house.hub.issues) == 0
    assert owner(house, "local") == "openai_compatible two"
    await house.apply("nanobot:\n  name: Home\n")
    assert models.names() == []


async def test_a_name_that_another_integration_has_is_told(house: House, entry: Entry, configure: Configure) -> None:
    class Other(Model):
        async def stream(self, request: Any) -> Any:
            yield Delta(finish="stop")

    Other.__module__ = "integrations.litellm.model"
    remove = entry.add(Other("local"))
    await configure()
    (issue,) = house.hub.issues
    assert "one of openai_compatible and one of litellm. That of litellm is used" in issue.text()
    remove()
    assert owner(house, "local") == "openai_compatible"
    assert len(house.hub.issues) == 0


def owner(house: House, name: str) -> Any:
    """The entry that has brought a model."""
    return getattr(house.hub.models.get(name), "owner", None)


# -- models that the server does not have -------------------------------------------------------------


async def test_a_model_that_the_server_does_not_have_is_told_with_the_nearest(
    house: House, configure: Configure, stub: Stub
) -> None:
    await stub.tell("config", {"models": ["qwen3:8b", "gpt-oss:120b"]})
    created = told(house, ISSUE_CREATED)
    await configure({"local": "qwen3:8n", "other": "gpt-oss:120b"})
    await created.wait()
    (issue,) = house.hub.issues
    assert issue.text() == (
        f"The model 'local' is to be 'qwen3:8n', but {stub.base_url} does not have it. Did you mean 'qwen3:8b'?"
    )
    resolved = told(house, ISSUE_RESOLVED)
    await configure({"local": "qwen3:8b", "other": "gpt-oss:120b"})
    await resolved.wait()
    assert len(house.hub.issues) == 0


async def test_the_doubt_is_over_when_the_model_answers(house: House, configure: Configure, stub: Stub) -> None:
    created = told(house, ISSUE_CREATED)
    await configure({"local": "something else entirely"})
    await created.wait()
    (issue,) = house.hub.issues
    assert issue.text().endswith("Load it there, or write the name of one that is there.")
    await ask(house.hub.models.get("local"), "hi")
    assert len(house.hub.issues) == 0


async def test_a_server_that_is_away_or_refuses_to_list_is_no_issue(
    house: House, configure: Configure, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "nanobot.openai_compatible")
    await configure(base_url="http://127.0.0.1:9/v1")
    await house.entry("openai_compatible").data.checking
    assert "cannot say which models it has: connection refused" in caplog.text
    assert house.entry("openai_compatible").state is EntryState.LOADED
    await stub.tell("config", {"api_key": KEY})
    await configure()
    await house.entry("openai_compatible").data.checking
    assert len(house.hub.issues) == 0


def told(house: House, event: str) -> asyncio.Event:
    """Set when it has happened."""
    happened = asyncio.Event()
    house.hub.bus.listen(event, lambda _: happened.set(), once=True)
    return happened
