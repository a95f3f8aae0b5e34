"""The memory among people who read along, models that answer nonsense, and hands that edit at the same time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from integrations.memory.fact import Fact, read
from integrations.memory.gathering import understood
from nanobot.errors import ModelError
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands
from tests.integrations.memory.conftest import told


async def test_a_group_does_not_hear_what_is_forgotten_there(anna: Hands) -> None:
    group = anna.of(group=True)
    key = (await anna("remember", fact="Anna wants to leave her job.")).split()[2].rstrip(":")
    assert "job" not in await group("forget", id=key)
    assert "job" not in await told(anna)
    await anna("remember", fact="Anna is looking for a flat.")
    assert "flat" not in await group("forget", undo=True)
    assert "flat" not in await told(anna)
    shared = (await anna("remember", fact="The wifi is called Hedgehog.", shared=True)).split()[2].rstrip(":")
    assert "Hedgehog" in await group("forget", id=shared)


async def test_much_that_is_shared_does_not_crowd_out_what_is_ones_own(
    set_up: SetUp, anna: Hands, folder: Path
) -> None:
    await set_up("memory", {"prompt": 1000})
    await anna("remember", fact="Anna is allergic to nuts.")
    (folder / "MEMORY.md").write_text("".join(f"- Shared fact number {number}.\n" for number in range(200)))
    said = await told(anna)
    assert "allergic to nuts" in said
    assert "Shared fact number 199." in said
    assert len(said) < 1300
    own = folder / "people" / "chat~anna" / "MEMORY.md"
    own.write_text(own.read_text() + "".join(f"- Own fact number {number}.\n" for number in range(200)))
    said = await told(anna)
    assert "Own fact number 199." in said
    assert "Shared fact number 199." in said


async def test_a_fact_that_was_edited_by_hand_can_be_undone(anna: Hands, folder: Path) -> None:
    await anna("remember", fact="Anna likes black tea.")
    path = folder / "people" / "chat~anna" / "MEMORY.md"
    path.write_text(path.read_text().replace("black", "green"))
    await anna("forget", undo=True)
    assert "tea" not in path.read_text()


async def test_the_same_fact_said_twice_at_once_is_kept_once(anna: Hands, memory: Any, folder: Path) -> None:
    one = memory.data[0]
    book = one.own_book(anna.turn)
    facts = [one.fact("Anna likes tea.", source="chat:anna") for _ in range(10)]
    await asyncio.gather(*(one.add(book, [fact, fact], by="chat:anna") for fact in facts))
    assert (folder / book / "MEMORY.md").read_text().count("Anna likes tea.") == 1


async def test_an_edit_in_the_moment_in_which_the_agent_writes_is_not_lost(
    anna: Hands, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await anna("remember", fact="One.")
    path = folder / "people" / "chat~anna" / "MEMORY.md"
    sync, left = os.fsync, [1]

    def slow(handle: int) -> None:
        sync(handle)
        if left and Path(f"/proc/self/fd/{handle}").readlink().suffix == ".tmp":
            left.pop()
            path.write_text(path.read_text() + "- By hand.\n")

    monkeypatch.setattr(os, "fsync", slow)
    await anna("remember", fact="Two.")
    text = path.read_text()
    assert not left
    assert all(f"- {fact}" in text for fact in ("One.", "By hand.", "Two."))


async def test_bytes_that_are_no_utf_8_stay_as_they_are(anna: Hands, folder: Path) -> None:
    await anna("remember", fact="One.")
    path = folder / "people" / "chat~anna" / "MEMORY.md"
    path.write_bytes(path.read_bytes() + "- Anna wohnt in Köln.\n".encode("latin-1"))
    await anna("remember", fact="Two.")
    await anna("forget", undo=True)
    assert "- Anna wohnt in Köln.".encode("latin-1") in path.read_bytes()


async def test_a_long_paragraph_of_history_is_kept_whole(anna: Hands, memory: Any, folder: Path) -> None:
    one = memory.data[0]
    book = one.own_book(anna.turn)
    await one.add(book, [], by="memory", history="long " * 300 + "end")
    assert (folder / book / "HISTORY.md").read_text().rstrip().endswith("end")


def test_the_name_of_a_sender_cannot_end_a_comment() -> None:
    for source in ("mail:a--> hello", "irc:x\n- id=1", "chat:100% <b>", "chat:anna"):
        line = Fact("abc234", "A fact.", source=source, unverified=True).line()
        assert "\n" not in line
        found = read(line)
        assert found is not None
        assert (found.source, found.text, found.unverified) == (source, "A fact.", True)


def test_nonsense_among_facts_costs_nothing_but_itself() -> None:
    found = understood(
        '{"facts": [null, 7, {"text": null}, {"text": ["x"]}, {"confidence": 1}, "A fact.",'
        ' {"text": "Another.", "confidence": "high", "replaces": "abc234"},'
        ' {"text": "Third.", "confidence": 7, "replaces": [1, "def567"]}], "history": 3}'
    )
    assert found.facts == (("A fact.", 1.0), ("Another.", 1.0), ("Third.", 1.0))
    assert found.replaced == ("abc234", "def567")
    assert found.history == ""


@pytest.mark.parametrize("answer", ["", "no", "[]", '{"facts": "none"}', '{"facts": {"a": 1}}', '{"facts": [', "{}}"])
def test_an_answer_without_facts_in_it_is_none(answer: str) -> None:
    with pytest.raises(ModelError):
        understood(answer)


async def test_a_file_that_cannot_be_read_hides_no_other(
    anna: Hands, ben: Hands, folder: Path, config_dir: Path
) -> None:
    await anna("remember", fact="Anna likes tea.")
    (config_dir / "secrets.yaml").write_text("treasure: oak\n")
    book = folder / "people" / "chat~ben"
    book.mkdir(parents=True)
    (book / "MEMORY.md").symlink_to(config_dir / "secrets.yaml")
    assert "tea" in await anna("recall", words="tea")
    assert "Nothing is known" in await ben("recall", words="treasure oak")
