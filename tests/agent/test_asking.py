"""Which model is asked, how often, and who is asked instead."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.agent.asking import Again, Asking, NoAnswer
from nanobot.contracts.model import Message, Request
from nanobot.errors import AuthFailed, ModelError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.secrets import MASK
from tests.agent.conftest import QUICK, Scripted

REQUEST = Request([Message("user", "hello")])
DOWN = NotReady("main: http://127.0.0.1:9 cannot be reached")


async def ask(hub: Hub, wanted: str | None = None) -> list[Any]:
    asking = Asking(hub, wanted, backoff=QUICK)
    return [piece async for piece in asking.stream(REQUEST)]


def said(pieces: list[Any]) -> str:
    text = ""
    for piece in pieces:
        text = "" if isinstance(piece, Again) else text + piece.text
    return text


async def test_the_model_that_is_named_answers(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("other", "no"))
    entry.add(Scripted("main", ["y", "es"]))
    assert said(await ask(hub, "main")) == "yes"


async def test_without_a_name_the_first_there_is_answers(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("main", "yes"))
    entry.add(Scripted("other", "no"))
    assert said(await ask(hub)) == "yes"


async def test_what_may_pass_is_tried_again_as_often_as_the_model_says(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", DOWN, DOWN, "here I am")
    entry.add(model)
    assert said(await ask(hub)) == "here I am"
    assert len(model.requests) == 3

    gone = Scripted("gone", DOWN)
    gone.retries = 1
    entry.add(gone)
    with pytest.raises(NoAnswer, match="main: http://127.0.0.1:9 cannot be reached"):
        await ask(hub, "gone")
    assert len(gone.requests) == 2


async def test_a_refused_request_or_key_is_not_tried_again(hub: Hub, entry: Entry) -> None:
    for name, error in (("wrong", ModelError("too long")), ("locked", AuthFailed("bad key"))):
        model = Scripted(name, error)
        entry.add(model)
        with pytest.raises(NoAnswer):
            await ask(hub, name)
        assert len(model.requests) == 1


async def test_a_refused_key_is_an_issue_until_the_model_answers(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", AuthFailed("the key is refused"), "hello")
    entry.add(model)
    with pytest.raises(NoAnswer):
        await ask(hub)
    assert "the key is refused" in hub.issues.get("model.main").text()  # type: ignore[union-attr]
    await ask(hub)
    assert "model.main" not in hub.issues


async def test_a_model_that_does_not_answer_is_told_once_until_it_does(
    hub: Hub, entry: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nanobot.agent.asking")
    model = Scripted("main", *[DOWN] * 6, "back", DOWN, "hello")
    entry.add(model)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            await ask(hub)
    issue = hub.issues.get("model.main")
    assert issue is not None
    assert issue.text() == f"The model 'main' did not answer when it was last asked: {DOWN}."
    assert caplog.messages == [f"{DOWN}; asking again"]
    await ask(hub)
    assert "model.main" not in hub.issues
    assert caplog.messages[1:] == ["main answers again"]
    await ask(hub)  # what passes by itself is no issue
    assert caplog.messages[2:] == [f"{DOWN}; asking again"]


async def test_an_issue_goes_with_its_model_but_a_refused_request_is_none(hub: Hub, entry: Entry) -> None:
    remove = entry.add(Scripted("main", AuthFailed("the key is refused")))
    entry.add(Scripted("other", ModelError("too long")))
    for name in ("main", "other"):
        with pytest.raises(NoAnswer):
            await ask(hub, name)
    assert [issue.id for issue in hub.issues] == ["model.main"]
    remove()
    assert [issue.id for issue in hub.issues] == []


async def test_fallbacks_are_asked_in_order_each_once(hub: Hub, entry: Entry) -> None:
    first, second, third = Scripted("a", ModelError("no")), Scripted("b", ModelError("no")), Scripted("c", "at last")
    first.fallbacks = ("b", "missing", "c")
    second.fallbacks = ("a",)
    for model in (first, second, third):
        entry.add(model)
    assert said(await ask(hub, "a")) == "at last"
    assert [len(model.requests) for model in (first, second, third)] == [1, 1, 1]


async def test_the_first_failure_is_the_one_that_is_told(hub: Hub, entry: Entry) -> None:
    first, second = Scripted("a", ModelError("a is out of money")), Scripted("b", ModelError("b is asleep"))
    first.fallbacks = ("b",)
    entry.add(first)
    entry.add(second)
    with pytest.raises(NoAnswer) as failure:
        await ask(hub, "a")
    assert failure.value.why == "a is out of money"
    assert failure.value.tried == ("a", "b")


async def test_a_delay_that_the_server_wants_is_kept(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("main", NotReady("too many requests", retry_after=0.15), "now"))
    began = asyncio.get_running_loop().time()
    assert said(await ask(hub)) == "now"
    assert asyncio.get_running_loop().time() - began >= 0.15


async def test_a_model_that_wants_to_be_left_alone_for_long_is_passed_over(hub: Hub, entry: Entry) -> None:
    busy = Scripted("main", NotReady("out of quota", retry_after=3600))
    busy.fallbacks = ("other",)
    entry.add(busy)
    entry.add(Scripted("other", "me then"))
    assert said(await ask(hub, "main")) == "me then"
    assert len(busy.requests) == 1


async def test_an_answer_that_breaks_off_begins_anew(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("main", ["The answer is", NotReady("broke off")], "42"))
    pieces = await ask(hub)
    assert sum(isinstance(piece, Again) for piece in pieces) == 1
    assert said(pieces) == "42"


async def test_silence_before_or_in_the_middle_counts_as_a_failure(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", [60.0], ["well", 60.0], "here")
    model.timeout = 0.05
    entry.add(model)
    assert said(await ask(hub)) == "here"
    assert model.closed == 3


async def test_an_empty_answer_is_asked_for_again(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", [], ["  \n"], "something")
    entry.add(model)
    assert said(await ask(hub)) == "something"
    silent = Scripted("silent", [])
    entry.add(silent)
    with pytest.raises(NoAnswer, match="silent gave an empty answer"):
        await ask(hub, "silent")


async def test_a_model_that_has_a_fault_is_passed_over(hub: Hub, entry: Entry) -> None:
    faulty = Scripted("main", KeyError("choices"))
    faulty.fallbacks = ("other",)
    entry.add(faulty)
    entry.add(Scripted("other", "fine"))
    assert said(await ask(hub, "main")) == "fine"


async def test_a_name_that_nothing_has_is_told_with_the_nearest(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("claude", "hi"))
    with pytest.raises(NoAnswer, match=r"there is no model 'clade' \(did you mean 'claude'\?\)"):
        await ask(hub, "clade")


async def test_without_any_model_it_says_so_at_once(hub: Hub) -> None:
    with pytest.raises(NoAnswer, match="no language model is configured"):
        async with asyncio.timeout(1):
            await ask(hub)


async def test_a_model_that_is_being_reloaded_is_waited_for(hub: Hub, entry: Entry) -> None:
    remove = entry.add(Scripted("main", "before"))
    assert said(await ask(hub, "main")) == "before"
    remove()
    asyncio.get_running_loop().call_later(0.05, entry.add, Scripted("main", "after"))
    assert said(await ask(hub, "main")) == "after"


async def test_an_agent_that_is_new_waits_for_a_model_that_left_just_now(hub: Hub, entry: Entry) -> None:
    entry.add(Scripted("main", "before"))()
    asyncio.get_running_loop().call_later(0.05, entry.add, Scripted("main", "after"))
    assert said(await ask(hub)) == "after"


async def test_a_reload_in_the_middle_of_an_answer_is_no_failure(hub: Hub, entry: Entry) -> None:
    old = Scripted("main", ["half an ", 0.05, NotReady("main is being reloaded")])
    old.retries = 0
    remove = entry.add(old)
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, remove)
    loop.call_later(0.1, entry.add, Scripted("main", "answer"))
    assert said(await ask(hub, "main")) == "answer"


async def test_a_model_that_is_taken_away_in_the_middle_of_an_answer_is_not_waited_for_for_ever(
    hub: Hub, entry: Entry
) -> None:
    remove = entry.add(Scripted("main", [0.05, NotReady("main is being reloaded")]))
    asyncio.get_running_loop().call_later(0.01, remove)
    asking = Asking(hub, "main", backoff=QUICK)
    asking.grace = 0.05
    with pytest.raises(NoAnswer, match="main is being reloaded"):
        await anext(asking.stream(REQUEST))


async def test_leaving_early_closes_the_answer(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", ["a", "b", "c"])
    entry.add(model)
    stream = Asking(hub, None).stream(REQUEST)
    await anext(stream)
    await stream.aclose()
    assert model.closed == 1


async def test_a_secret_in_a_failure_is_not_told(hub: Hub, entry: Entry) -> None:
    hub.scrubber.add("sk-very-secret")
    entry.add(Scripted("main", ModelError("key sk-very-secret is wrong")))
    with pytest.raises(NoAnswer, match=f"key {MASK} is wrong"):
        await ask(hub)
