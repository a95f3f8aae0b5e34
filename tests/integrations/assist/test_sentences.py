"""Sentences of the user's own, edits of them, and the schema."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from nanobot.contracts.service import Service, ServiceCall
from nanobot.hub.hub import Phase
from nanobot.testing.plugin import House

OWN = [
    {
        "sentences": ["good night all", "I am (off|going) to bed"],
        "action": [
            "script.turn_on",
            {"action": "input_boolean.turn_off", "target": {"entity_id": "input_boolean.coffee"}},
        ],
        "response": "Sleep well.",
    },
    {
        "sentences": "play {song} in the {room}",
        "action": {"service": "media.play", "data": {"title": "{song}", "where": ["media.{room}", 1]}},
    },
    {"sentences": ["who is the boss"], "response": "You are."},
    {"sentences": ["is [the] {name} worth it"], "response": "{name} always is."},
]  # fmt: skip


async def test_sentences_of_the_user(home: Any, entry: Any) -> None:
    await home.begin(assist={"sentences": OWN})
    played: list[dict[str, Any]] = []

    def play(call: ServiceCall) -> None:
        played.append(dict(call.data))

    entry.add(Service("media", "play", play))
    await home.walk(
        [
            ("turn on the coffee machine", r".*", {"input_boolean.coffee": "on"}),
            ("I am off to bed!", r"Sleep well\.", {"input_boolean.coffee": "off"}),
            ("Good night all", r"Sleep well\."),
            ("play Blue Train: live in the kitchen", r"Done\."),
            ("who is the boss?", r"You are\."),
            ("is the coffee machine worth it?", r"Coffee machine always is\."),
            ("is coffee machine worth it?", r"Coffee machine always is\."),
        ]
    )
    assert home.calls == [("script.turn_on", {}), ("script.turn_on", {})]
    assert played == [{"title": "Blue Train: live", "where": ["media.kitchen", 1]}]


async def test_an_edit_is_live_and_keeps_the_agent(home: Any) -> None:
    await home.begin(assist={"sentences": [{"sentences": "ping", "response": "pong"}]})
    agent = home.hub.agents.get("assist")
    await home.says("turn on the cofee machine")
    text = (home.house.config_dir / "configuration.yaml").read_text()
    await home.house.apply(text.replace("pong", "gong"))
    assert home.hub.agents.get("assist") is agent
    assert await home.says("yes") == "Coffee machine is now on."
    assert await home.says("ping") == "gong"
    config = json.loads(text)
    config["assist"] = None
    await home.house.apply(json.dumps(config))
    assert home.hub.agents.get("assist") is agent
    assert await home.says("ping") != "gong"


@pytest.mark.parametrize(
    ("assist", "text"),
    [
        ({"sentences": [{"sentences": "(a|b", "response": "x"}]}, "the brackets in '(a|b' do not match"),
        ({"sentences": [{"sentences": "a", "respone": "x"}]}, "did you mean 'response'?"),
        ({"sentences": [{"sentences": "a"}]}, "response"),
        ({"sentences": [{"sentences": "a", "action": "lamp"}]}, "'lamp'"),
        ({"language": "german!"}, "'german!'"),
    ],
)
async def test_what_is_refused(house: House, assist: Any, text: str) -> None:
    applied = await house.apply(json.dumps({"assist": assist}))
    told = "\n".join(map(str, applied.problems))
    assert text in told


async def test_a_sentence_that_only_the_parser_refuses_is_left_out_and_told(home: Any) -> None:
    await home.begin(assist={"sentences": [{"sentences": ["ping", "{ }"], "response": "pong"}]})
    assert await home.says("ping") == "pong"
    issue = home.hub.issues.get("assist.sentence")
    assert issue.text("en").startswith("Sentences of assist that cannot be read are left out: '{ }': ")
    text = (home.house.config_dir / "configuration.yaml").read_text()
    await home.house.apply(text.replace("{ }", "pang"))
    assert await home.says("pang") == "pong"
    assert "assist.sentence" not in home.hub.issues


async def test_at_the_start_nothing_heavy_is_done_before_the_rest_runs(home: Any) -> None:
    home.hub.phase = Phase.STARTING
    await home.begin(assist={"sentences": [{"sentences": "ping", "response": "pong"}]})
    assert not home.hub.agents.get("assist")._grammars
    home.hub.phase = Phase.RUNNING
    home.hub.bus.fire("homeassistant_started")
    assert await home.says("ping") == "pong"


async def test_whoever_writes_before_the_hub_has_started_is_answered_when_it_has(home: Any) -> None:
    home.hub.phase = Phase.STARTING
    await home.begin(assist={"sentences": [{"sentences": "ping", "response": "pong"}]})
    answer = asyncio.create_task(home.says("ping"))
    await asyncio.sleep(0.05)
    assert not answer.done()
    home.hub.phase = Phase.RUNNING
    home.hub.bus.fire("homeassistant_started")
    assert await answer == "pong"


async def test_the_slow_work_is_not_done_on_the_loop(home: Any) -> None:
    """In processor time of the loop's own thread, which a busy machine does not change."""
    longest = 0.0
    over = asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not over.is_set():
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    await home.begin()
    watcher = asyncio.create_task(watch())
    for text in ("what is the meaning of life", "remind me tomorrow at half past nine to do this and that", "lorem"):
        await home.says(text)
    await home.says("Wie spät ist es?", language="de")
    over.set()
    await watcher
    assert longest < 0.02
