"""``trigger: conversation``."""

from __future__ import annotations

import pytest

from nanobot.contracts.sentence import Heard
from nanobot.hub.context import Context
from tests.automation.triggers.bench import Bench


def heard(text: str) -> Heard:
    return Heard(text, "en", Context(user_id="anna"), conversation_id="c1", channel="web", sender="anna", owner=True)


async def test_a_sentence_is_answered_with_the_response_of_the_run(bench: Bench) -> None:
    await bench.attach({"trigger": "conversation", "command": "paint [the] {thing} (teal|ochre) please"})
    bench.answer = "It gets paint"
    said = heard("Paint the Garden fence OCHRE, please!")
    assert await bench.hub.sentences.answer(said) == "It gets paint"
    [trigger] = bench.fired
    assert trigger["sentence"] == said.text
    assert trigger["slots"] == {"thing": "Garden fence"}
    assert trigger["details"] == {"thing": {"name": "thing", "text": "Garden fence", "value": "Garden fence"}}
    assert (trigger["platform"], trigger["device_id"]) == ("conversation", None)
    assert trigger["user_input"]["conversation_id"] == "c1"
    assert trigger["message"]["sender"] == "anna"
    assert bench.contexts == [said.context]


async def test_without_a_response_it_is_said_to_be_done(bench: Bench) -> None:
    await bench.attach({"trigger": "conversation", "command": ["good night", "sleep [well]"]})
    assert await bench.hub.sentences.answer(heard("Good night.")) == "Done"
    assert await bench.hub.sentences.answer(heard("sleep")) == "Done"


async def test_an_empty_response_says_nothing(bench: Bench) -> None:
    await bench.attach({"trigger": "conversation", "command": "hush"})
    bench.answer = ""
    assert await bench.hub.sentences.answer(heard("hush")) == ""


@pytest.mark.parametrize("text", ["good", "very good night", "good night everybody", "", "good night " * 100])
async def test_other_words_are_for_others(bench: Bench, text: str) -> None:
    await bench.attach({"trigger": "conversation", "command": "good night"})
    assert await bench.hub.sentences.answer(heard(text)) is None
    assert bench.fired == []


async def test_all_who_wait_for_a_sentence_are_told(bench: Bench) -> None:
    await bench.attach(
        {"trigger": "conversation", "command": "play {album} by {artist}"},
        {"trigger": "conversation", "command": ["play {what}", "play [the] {what}"]},
        {"trigger": "conversation", "command": "stop {what}"},
    )
    assert await bench.hub.sentences.answer(heard("play The Wall by Pink Floyd")) == "Done"
    assert sorted(await bench.said("idx")) == ["0", "1"]


async def test_detached_it_waits_no_more(bench: Bench) -> None:
    await bench.attach({"trigger": "conversation", "command": "good night"})
    bench.detach()
    assert await bench.hub.sentences.answer(heard("good night")) is None
