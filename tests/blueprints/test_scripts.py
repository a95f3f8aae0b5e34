"""Each script blueprint that comes with nanobot does what its description says; and none of them is left out."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from nanobot.config import blueprints
from nanobot.paths import bundled

from .conftest import WHERE, Use

HERE = Path(__file__).parent
SHIPPED = sorted(bundled("blueprints").glob("*/nanobot/*.yaml"))


async def call(use: Use, **data: Any) -> Any:
    return await use.hub.services.call("script", "x", data, return_response=True)


@pytest.mark.looptime
async def test_countdown(use: Use) -> None:
    await use.script("countdown", minutes=10, tell_at=["5", "1"], **WHERE)
    running = asyncio.create_task(use.hub.services.call("script", "x", {"minutes": 6}))
    await use.passes(seconds=90)
    assert use.said == ["5 min left"]
    await use.passes(minutes=5)
    assert use.said == ["1 min left", "The time is over."]
    assert running.done()


@pytest.mark.looptime
async def test_ask_somebody(use: Use) -> None:
    await use.script("ask_somebody", choices=["Yes", "No"], patience={"minutes": 1}, **WHERE)
    asking = asyncio.create_task(call(use, question="Water?"))
    await use.settle()
    assert use.said == ["Water?"]
    await use.types("no")
    assert await asking == {"answered": True, "answer": "no", "choice": "No"}
    assert await call(use, question="Water?") == {"answered": False, "answer": None, "choice": None}


@pytest.mark.looptime
async def test_tell_several(use: Use) -> None:
    await use.script("tell_several", chats=["chat/one", "nowhere/x", "chat/two"])
    await use.does(use.hub.services.call("script", "x", {"text": "Dinner"}))
    assert [(message.chat, message.text) for message in use.chat.sent] == [("one", "Dinner"), ("two", "Dinner")]


@pytest.mark.looptime
async def test_tell_when_awake(use: Use) -> None:
    await use.script("tell_when_awake", quiet="input_boolean.quiet", having={"input_boolean": {"quiet": None}}, **WHERE)
    await use.does(use.hub.services.call("script", "x", {"text": "now"}))
    await use.sets("input_boolean.quiet", "on")
    later = asyncio.create_task(use.hub.services.call("script", "x", {"text": "later"}))
    await use.passes(hours=1)
    assert use.said == ["now"]
    await use.sets("input_boolean.quiet", "off")
    assert later.done()
    assert use.said == ["later"]


@pytest.mark.parametrize("file", SHIPPED, ids=[file.stem for file in SHIPPED])
def test_what_is_shipped_is_sound_and_explains_itself(file: Path, tmp_path: Path) -> None:
    known = blueprints.look(tmp_path, file.parts[-3], f"nanobot/{file.name}")
    assert known.problems == ()
    assert known.blueprint is not None
    assert known.blueprint.head["description"]
    assert known.blueprint.version == "1"
    for opening in known.blueprint.inputs.values():
        assert opening.title, opening.name
        assert opening.selector, opening.name


def test_each_has_a_test() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py"))
    used = set(re.findall(r'(?:use|use\.script)\(\s*"(\w+)"', tests))
    assert {file.stem for file in SHIPPED} == used
