"""The options of ``files:``: which folder, who may use it, and how much it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanobot.contracts.channel import Attachment
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House, SetUp
from nanobot.testing.tools import Hands

FILE_TOOLS = {"read_file", "list_dir", "glob", "grep", "write_file", "edit_file"}

# -- the folder -----------------------------------------------------------------------------------


async def test_another_folder_of_the_configuration(config_dir: Path, set_up: SetUp, hands: Hands) -> None:
    (config_dir / "notes").mkdir()
    await set_up("files", {"folder": "notes/agent"})
    await hands("write_file", path="x", content="y")
    assert (config_dir / "notes/agent/x").read_text() == "y"


async def test_a_folder_elsewhere(tmp_path: Path, set_up: SetUp, hands: Hands) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/cv.md").write_text("Born.")
    await set_up("files", {"folder": str(tmp_path / "documents")})
    assert await hands("read_file", path="cv.md") == "Born."


async def test_a_workspace_may_be_a_link_of_the_users_own(config_dir: Path, tmp_path: Path, files: Hands) -> None:
    (tmp_path / "documents").mkdir()
    (config_dir / "workspace").symlink_to(tmp_path / "documents")
    await files("write_file", path="x", content="y")
    assert (tmp_path / "documents/x").read_text() == "y"


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        (".", "holds the configuration itself"),
        ("..", "holds the configuration itself"),
        ("/", "holds the configuration itself"),
        ("workspace/..", "holds the configuration itself"),
        ("to_above", "holds the configuration itself"),
        (".storage", ".storage in the configuration folder is closed to agents"),
        (".storage/deeper", ".storage in the configuration folder is closed to agents"),
        ("integrations/mine", "integrations in the configuration folder is closed to agents"),
        ("media", "media in the configuration folder is closed to agents"),
        ("a_file", "a_file is not a folder"),
        ("/nowhere/at/all", "/nowhere/at is not there"),
    ],
)
async def test_a_folder_that_would_give_too_much_is_refused(house: House, folder: str, why: str) -> None:
    (house.config_dir / "to_above").symlink_to("..")
    (house.config_dir / "a_file").touch()
    await house.start(f"files:\n  folder: {folder}\n")
    entry = house.entry("files")
    assert entry.state is EntryState.FAILED
    assert why in str(entry.error)
    assert not FILE_TOOLS & set(house.hub.tools.names())


# -- what is offered ------------------------------------------------------------------------------


async def test_a_read_only_workspace_has_no_tools_that_write(house: House) -> None:
    await house.start("files:\n  read_only: true\n")
    assert set(house.hub.tools.names()) == {"read_file", "list_dir", "glob", "grep"}
    await house.apply("files:\n")
    assert set(house.hub.tools.names()) == FILE_TOOLS
    await house.apply("nanobot:\n")
    assert not len(house.hub.tools)
    assert not len(house.hub.workspaces)


async def test_limits_change_in_place(house: House) -> None:
    await house.start("files:\n")
    hands, tool = Hands(house.hub), house.hub.tools.get("write_file")
    await hands("write_file", path="a", content="x" * 3000)
    await house.apply("files:\n  max_bytes: 2 kB\n")
    assert house.hub.tools.get("write_file") is tool
    assert await hands.fails("write_file", path="a", content="x" * 3000) == "That is 2.9 kB; a file may have 2 kB."
    assert "is too large: it has 2.9 kB, and 2 kB are the most" in await hands.fails("read_file", path="a")


async def test_wrong_options_say_what_would_be_right(house: House) -> None:
    await house.start("files:\n")
    applied = await house.apply("files:\n  guest: read\n  guests: all\n  max_bytes: lots\n  max_total: 1 GB\n")
    options = "'folder', 'read_only', 'guests', 'max_bytes', 'max_total'"
    assert [str(problem) for problem in applied.problems] == [
        f"configuration.yaml:2: files > guest: unknown option; there is only {options}",
        "configuration.yaml:3: files > guests: 'all' is not possible; write one of 'nothing', 'read', 'write'",
        "configuration.yaml:4: files > max_bytes: 'lots' is not a size; write bytes, or for example '20 MB'",
    ]


# -- guests ---------------------------------------------------------------------------------------


async def test_files_are_for_owners_unless_guests_are_let_in(house: House) -> None:
    await house.start("files:\n")
    owner = Hands(house.hub)
    guest = owner.of(owner=False)
    await owner("write_file", path="diary", content="private")
    for tool, arguments in (
        ("read_file", {"path": "diary"}),
        ("list_dir", {}),
        ("write_file", {"path": "x", "content": ""}),
        ("edit_file", {"path": "diary", "old": "private", "new": "public"}),
    ):
        told = await guest.fails(tool, **arguments)
        assert told == "Only the people who run nanobot may use files; the option 'guests' of files lets others."
    await house.apply("files:\n  guests: read\n")
    assert await guest("read_file", path="diary") == "private"
    assert "may change files" in await guest.fails("write_file", path="diary", content="")
    await house.apply("files:\n  guests: write\n")
    await guest("write_file", path="diary", content="public")


async def test_a_guest_reads_what_they_sent_and_nothing_that_others_sent(house: House) -> None:
    await house.start("files:\n  guests: write\n")
    mine, theirs = [await house.hub.media.keep("chat", f"{name}.txt", b"hello") for name in ("mine", "theirs")]
    guest = Hands(house.hub).of(owner=False, attachments=(mine,))
    assert await guest("read_file", path=mine.path) == "hello"
    for path in (theirs.path, f"{mine.path}/../{theirs.name}", "media", "media/chat"):
        assert "hello" not in await guest.fails("read_file", path=path)
        await guest.fails("list_dir", path=path)
    assert "media" not in await guest("list_dir", recursive=True)
    (workspace,) = house.hub.workspaces
    with pytest.raises(Exception, match="what others have sent"):
        await workspace.attachment(theirs.path, guest.turn)


async def test_an_attachment_that_a_channel_made_up_opens_nothing(house: House) -> None:
    (house.config_dir / "secrets.yaml").write_text("pin: 1234\n")
    await house.start("files:\n")
    forged = Attachment("media/../secrets.yaml", "x")
    guest = Hands(house.hub).of(owner=False, attachments=(forged,))
    assert "1234" not in await guest.fails("read_file", path=forged.path)


# -- how much -------------------------------------------------------------------------------------


async def test_a_full_workspace_takes_nothing_more_until_there_is_room(
    workspace: Path, set_up: SetUp, hands: Hands
) -> None:
    await set_up("files", {"max_total": "40 kB"})
    for number in range(10):
        await hands("write_file", path=f"sub/{number}", content="x" * 10)  # each takes a block of 4 kB
    told = await hands.fails("write_file", path="one more", content="x")
    assert told == "The workspace is full: it may hold 40 kB in all."
    assert not (workspace / "one more").exists()
    await hands("write_file", path="sub/1", content="no larger than before")
    assert "is full" in await hands.fails("edit_file", path="sub/1", old="before", new="x" * 5000)
    (workspace / "sub/2").unlink()
    (workspace / "sub/3").unlink()
    await hands("write_file", path="one more", content="x")


async def test_a_folder_of_the_users_own_is_as_large_as_they_like(tmp_path: Path, set_up: SetUp, hands: Hands) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    with (documents / "film").open("wb") as film:
        film.truncate(300 * 1024 * 1024)
    await set_up("files", {"folder": str(documents)})
    await hands("write_file", path="x", content="y")


async def test_the_default_workspace_has_an_end(workspace: Path, files: Hands) -> None:
    workspace.mkdir()
    with (workspace / "film").open("wb") as film:
        film.truncate(200 * 1024 * 1024)
    assert "it may hold 200 MB in all" in await files.fails("write_file", path="x", content="y")
