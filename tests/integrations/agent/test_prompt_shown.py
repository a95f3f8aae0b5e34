"""`nanobot prompt`: what is shown is what the model gets, with the size of each part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nanobot.cli import prompt as on_the_screen
from nanobot.contracts.model import UNSEEN
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from tests.agent.test_pictures import png
from tests.integrations.agent.conftest import Begin, Stub


async def asked(hub: Hub, **data: Any) -> Any:
    command = hub.commands.get("prompt")
    assert command is not None
    return await command.handler(None, data)  # type: ignore[arg-type]


async def test_what_is_shown_is_what_the_model_gets(
    begin: Begin, stub: Stub, chat: Chat, hub: Hub, set_up: SetUp, config_dir: Path
) -> None:
    (config_dir / "workspace").mkdir()
    (config_dir / "workspace" / "USER.md").write_text("She likes tea.")
    hub.scrubber.add("hunter2-and-more")
    await set_up("files")
    await begin(instructions="Never say hunter2-and-more.")
    await stub.post("config", {"keep_requests": 5})
    await chat.types("one [[reply:eins]]")
    shown = await asked(hub, session="chat:test")
    await chat.types("(the next message)")
    body = (await stub.get("raw"))[-1]["body"]
    assert body["messages"][0]["content"] == "\n\n".join(part["text"] for part in shown["parts"])
    assert [(m["role"], m["content"]) for m in body["messages"][1:]] == [
        (m["role"], m["content"]) for m in shown["conversation"]["messages"]
    ]
    assert body["tools"] == shown["tools"]["functions"]
    assert [part["name"] for part in shown["parts"]] == ["identity", "instructions", "USER.md", "situation"]
    parts = [*shown["parts"], shown["conversation"], shown["tools"]]
    assert shown["characters"] == sum(part["characters"] for part in parts)
    assert "hunter2" not in str(shown)
    await hub.conversations.notes.change("chat:test", summary="They spoke of tea.", until=1, private=True)
    again = await asked(hub, session="chat:test")
    assert again["parts"][-1]["name"] == "summary"
    assert "They spoke of tea." in again["parts"][-1]["text"]
    assert "one [[reply:eins]]" not in str(again["conversation"])


async def test_without_a_session_it_is_the_one_in_which_somebody_wrote_last(begin: Begin, chat: Chat, hub: Hub) -> None:
    await begin()
    await chat.types("one", chat="first")
    await chat.types("two", chat="second")
    assert (await asked(hub))["session"] == "chat:second"


async def test_the_agent_that_would_answer_is_shown_or_the_one_that_is_named(
    begin: Begin, chat: Chat, hub: Hub, set_up: SetUp
) -> None:
    await begin(name="First")
    await set_up("agent work", {"name": "Second", "model": "main"})
    await chat.types("one")
    assert "You are First" in str((await asked(hub))["parts"])
    assert "You are Second" in str((await asked(hub, agent="agent work"))["parts"])
    await hub.conversations.notes.change("chat:test", agent="agent work")
    assert (await asked(hub))["agent"] == "agent work"
    with pytest.raises(NanobotError, match="no agent that answers"):
        await asked(hub, agent="nobody")


async def test_a_sentence_says_what_is_missing(begin: Begin, chat: Chat, hub: Hub, set_up: SetUp) -> None:
    with pytest.raises(NanobotError, match="nobody has written"):
        await asked(hub)
    await set_up("assist")
    await chat.types("hello")
    with pytest.raises(NanobotError, match="assist answers without a language model"):
        await asked(hub)
    with pytest.raises(NanobotError, match="did you mean 'chat:test'"):
        await asked(hub, session="chat:tets")


async def test_a_person_reads_the_parts_and_their_sizes(
    begin: Begin,
    chat: Chat,
    hub: Hub,
    set_up: SetUp,
    config_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await set_up("files")
    await begin()
    await chat.types("one [[reply:eins]]")
    shown = await asked(hub)
    monkeypatch.setattr(on_the_screen, "ask", lambda *_: shown)
    options: dict[str, Any] = {"agent": None, "as_json": False}
    assert on_the_screen.run(config_dir, None, sizes=False, **options) == 0
    text = capsys.readouterr().out
    assert "── identity ─" in text
    assert "[assistant] eins" in text
    assert "read_file: Read a text" in text
    on_the_screen.run(config_dir, None, sizes=True, **options)
    table = capsys.readouterr().out
    assert "You are nanobot" not in table
    assert f"{shown['tokens']}" in table.splitlines()[-1]


@pytest.mark.parametrize("vision", [True, False])
async def test_pictures_of_tools_are_told_as_the_model_gets_them(
    begin: Begin, chat: Chat, hub: Hub, set_up: SetUp, config_dir: Path, vision: bool
) -> None:
    await set_up("files")
    (config_dir / "workspace").mkdir()
    (config_dir / "workspace/cat.png").write_bytes(png(4, 3))
    await begin(model={"vision": vision})
    await chat.types('look [[tool:read_file {"path": "cat.png"}]][[reply:a cat]]')
    talk = (await asked(hub))["conversation"]
    [result] = [message for message in talk["messages"] if message["role"] == "tool"]
    assert result.get("pictures") == (["image/png"] if vision else None)
    assert (UNSEEN in result["content"]) is not vision
    assert (talk["tokens"] > 1500) is vision


@pytest.mark.parametrize("vision", [True, False])
async def test_a_picture_reaches_a_server_whose_model_sees(
    begin: Begin, stub: Stub, chat: Chat, hub: Hub, vision: bool
) -> None:
    await begin(model={"vision": vision})
    await stub.post("config", {"keep_requests": 5})
    file = await hub.media.keep("chat", "a.png", png(4, 3))
    await chat.types("what is this?", attachments=(file,))
    content = (await stub.get("raw"))[-1]["body"]["messages"][-1]["content"]
    if not vision:
        assert content == f"what is this?\n[file: {file.path} (image/png)]\n\n{UNSEEN}"
        return
    assert content[0]["text"].startswith("what is this?")
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
