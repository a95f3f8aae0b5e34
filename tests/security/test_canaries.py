"""Canaries: secrets of every kind in every place where a turn could carry one away, and nowhere is one seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from copy import copy
from typing import Any

import orjson
import pytest

from nanobot.contracts.agent import Turn
from nanobot.contracts.policy import Act, Judgement, Policy, Verdict
from nanobot.contracts.tool import Risk, ToolResult
from nanobot.errors import ToolError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.lifecycle.logs import Inlet
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from nanobot.util.secrets import MASK, ScrubbedStream, Scrubber, Secret, has_token
from tests.agent.conftest import Noted, call, told
from tests.agent.conftest import begin as begin

CONFIGURED = "canary-of-the-configuration-7731"
SHAPED = {
    "openai": "sk-proj-Q2hpcnBDaGlycENoaXJwQ2hpcnA",
    "github": "ghp_Q2hpcnBDaGlycENoaXJwQ2hpcnBDaGlycENo",
    "gitlab": "glpat-Q2hpcnBDaGlycENoaXJw",
    "slack": "xoxb-123456789012-Q2hpcnBDaGly",
    "aws": "AKIAQ2HPCNBDAGLYCENO",
    "google": "AIzaQ2hpcnBDaGlycENoaXJwQ2hpcnBDaGlycEN",
    "telegram": "123456789:AAQ2hpcnBDaGlycENoaXJwQ2hpcnBDaGlyc",
    "nanobot": "nb_Q2hpcnBDaGlycENoaXJwQ2hpcnBDaGlycENoaXJwQ2hp",
}
CANARIES = (CONFIGURED, *SHAPED.values())
ALL = " and ".join(CANARIES)


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


class Babbling(Policy):
    """Says what it should not."""

    def judge(self, act: Act) -> Judgement | None:
        return Judgement(Verdict.ASK, f"Not with {ALL}.") if act.what == "shell" else None


class Failing(Noted):
    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        raise self.result


async def test_no_canary_is_in_a_prompt_a_log_a_trace_an_event_an_issue_an_approval_or_a_reply(
    hub: Hub, entry: Entry, chat: Chat, begin: Any, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def note(event: Event) -> None:
        seen.append(orjson.dumps({"type": event.type, **event.data}, default=str).decode())

    for kind in ("policy_decision", "turn_finished", "turn_progress", "approval_asked", "approval_decided"):
        entry.listen(kind, note)
    entry.add(Babbling("babbling"))
    entry.add(Noted("look", ALL, risk=Risk.READ))
    entry.add(Noted("page", ALL, risk=Risk.READ, untrusted=True))
    entry.add(Failing("stumble", ToolError(f"no way with {ALL}"), risk=Risk.READ))
    entry.add(Failing("fall", ValueError(f"broken by {ALL}"), risk=Risk.READ))
    entry.add(Noted("shell", ALL, risk=Risk.DANGEROUS))
    calls = [call(name, id_=name) for name in ("look", "page", "stumble", "fall")]
    asked = call("shell", orjson.dumps({"what": f"login {ALL}"}).decode(), id_="shell")
    model = begin([*calls, asked], f"I saw {ALL}.", f"It gave {ALL}.")
    await set_up("openai_compatible", {"base_url": "http://127.0.0.1:9/v1", "api_key": CONFIGURED, "model": "none"})
    masked = " and ".join([MASK] * len(CANARIES))
    async with asyncio.timeout(20):
        await chat.says("do it all")
        await told(chat, f"I saw {masked}.")
        await chat.says("/approve 1")
        await told(chat, f"It gave {masked}.")
    approval = next(text for text in chat.received if text.startswith("Approval 1"))
    assert f"login {masked}" in approval
    prompts = [message.content for request in model.requests for message in request.messages]
    assert any(MASK in text for text in prompts)
    replies = [*chat.received, *map(str, hub.issues)]
    told_by_events = [text for text in seen if "turn_progress" not in text or MASK in text]
    assert told_by_events
    for place in (prompts, replies, seen):
        assert leaks("\n".join(place)) == []
    inlet = Inlet(hub.scrubber)
    written = [inlet.prepare(copy(record)) for record in caplog.records]
    lines = [f"{record.message}\n{record.exc_text}" for record in written]
    assert any("the tool fall failed" in line and "ValueError" in line for line in lines)
    assert leaks("\n".join(lines)) == []
    turns = {orjson.loads(text).get("turn") for text in seen} - {None, ""}
    traces = [await hub.conversations.traces.of(turn) for turn in turns]
    assert any(trace and trace["tools"] for trace in traces)
    assert leaks(orjson.dumps(traces, default=str).decode()) == []


def test_a_secret_shows_nothing_of_itself_wherever_it_is_printed() -> None:
    secret = Secret(CONFIGURED)
    for text in (str(secret), repr(secret), f"{secret}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert leaks(text) == []
    with pytest.raises(TypeError):
        orjson.dumps({"key": secret})


@pytest.mark.parametrize("kind", SHAPED)
def test_what_looks_like_a_token_is_hidden_although_nobody_configured_it(kind: str) -> None:
    token = SHAPED[kind]
    scrubber = Scrubber()
    assert scrubber.scrub(f'key="{token}", or {token}.') == f'key="{MASK}", or {MASK}.'
    assert has_token(token)


@pytest.mark.parametrize("kind", SHAPED)
def test_a_token_that_comes_in_pieces_is_hidden_as_well(kind: str) -> None:
    text = f"It is {SHAPED[kind]}, keep it."
    for width in (1, 2, 3, 7, 20):
        stream = ScrubbedStream(Scrubber())
        shown = [stream.say(text[at : at + width]) for at in range(0, len(text), width)]
        assert "".join([*shown, stream.rest()]) == f"It is {MASK}, keep it."


@pytest.mark.parametrize(
    "text",
    [
        "risk-free",
        "task-1234567890",
        "sk-short",
        "ghp_short",
        "AKIA",
        "call 123456789 now",
        "12:30:45",
        "nb_x",
        "a-sk-b",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Scrubber().scrub(text) == text
    assert not has_token(text)
