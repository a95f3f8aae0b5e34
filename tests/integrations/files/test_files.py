"""What an agent does with files: write, read, edit, list."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from nanobot.testing.tools import Hands
from tests.agent.test_pictures import png

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


async def test_what_was_written_can_be_read(files: Hands, workspace: Path) -> None:
    assert await files("write_file", path="notes/today.md", content="Milk\nBread\n") == (
        "Made 'notes/today.md' (2 lines, 11 B)."
    )
    assert await files("read_file", path="notes/today.md") == "Milk\nBread"
    assert (
        await files("write_file", path="notes/today.md", content="Eggs") == "Replaced 'notes/today.md' (1 line, 4 B)."
    )
    assert (workspace / "notes/today.md").read_text() == "Eggs"


async def test_the_workspace_is_made_at_the_first_write_and_is_private(files: Hands, workspace: Path) -> None:
    assert await files("list_dir") == "It is empty."
    assert not workspace.exists()
    await files("write_file", path="a/b.txt", content="x")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (workspace, workspace / "a", workspace / "a/b.txt")]
    assert modes == [0o700, 0o700, 0o600]


async def test_a_file_keeps_its_mode(files: Hands, workspace: Path) -> None:
    await files("write_file", path="run.sh", content="echo 1\n")
    (workspace / "run.sh").chmod(0o755)
    await files("edit_file", path="run.sh", old="1", new="2")
    assert stat.S_IMODE((workspace / "run.sh").stat().st_mode) == 0o755


async def test_a_part_of_a_file_is_read_with_its_place(files: Hands) -> None:
    await files("write_file", path="n.txt", content="".join(f"line {n}\n" for n in range(1, 101)))
    assert await files("read_file", path="n.txt", offset=3, limit=2) == "line 3\nline 4\n[lines 3 to 4 of 100]"
    assert await files("read_file", path="n.txt", offset=99, numbers=True) == (
        "99\tline 99\n100\tline 100\n[lines 99 to 100 of 100]"
    )
    assert await files.fails("read_file", path="n.txt", offset=101) == "The file has 100 lines."


async def test_the_indent_of_the_first_line_stays(files: Hands) -> None:
    await files("write_file", path="p.py", content="if x:\n    return\n")
    assert await files("read_file", path="p.py", offset=2) == "    return\n[lines 2 to 2 of 2]"


async def test_what_a_model_leaves_open_with_null_is_not_given(files: Hands) -> None:
    await files("write_file", path="p.py", content="x")
    assert await files("read_file", path="p.py", offset=None, limit=None, numbers=None) == "x"


async def test_a_long_file_is_read_piece_by_piece(files: Hands) -> None:
    text = "".join(f"{n} {'x' * 90}\n" for n in range(1, 1001))
    await files("write_file", path="long.txt", content=text)
    gathered, offset = "", 1
    while offset <= 1000:
        *lines, note = (await files("read_file", path="long.txt", offset=offset)).split("\n")
        assert note.startswith(f"[lines {offset} to ")
        gathered += "".join(f"{line}\n" for line in lines)
        offset += len(lines)
    assert gathered == text


async def test_a_line_without_end_is_cut(files: Hands) -> None:
    await files("write_file", path="one.json", content="x" * 20_000)
    text = await files("read_file", path="one.json")
    assert text.startswith("x" * 14_000)
    assert text.endswith("x\n[line 1 goes on for 6000 characters]")


async def test_an_empty_file_says_that_it_is_empty(files: Hands) -> None:
    await files("write_file", path="empty", content="")
    assert await files("read_file", path="empty") == "(The file is empty.)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfone\r\ntwo\r\n", b"\xef\xbb\xbfone\r\n2\r\n3\r\n"),
        ("één\ntwo\n".encode("utf-16"), "één\n2\n3\n".encode("utf-16")),
        ("één\r\ntwo".encode("cp1252"), "één\r\n2\r\n3".encode("cp1252")),
        (b"mixed\r\ntwo\n", b"mixed\r\n2\n3\n"),
    ],
    ids=["utf-8 with mark", "utf-16", "windows-1252", "mixed line ends"],
)
async def test_an_edit_leaves_the_form_of_a_file_as_it_is(
    files: Hands, workspace: Path, before: bytes, after: bytes
) -> None:
    workspace.mkdir()
    (workspace / "f").write_bytes(before)
    assert (await files("read_file", path="f")).split("\n")[1].strip() == "two"
    await files("edit_file", path="f", old="two", new="2\n3")
    assert (workspace / "f").read_bytes() == after


async def test_letters_that_the_encoding_lacks_are_refused(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "old.txt").write_bytes("für".encode("cp1252"))
    assert (await files("read_file", path="old.txt")).endswith("[not UTF-8, read as Windows-1252]")
    assert "'\\u4e16', which the file's encoding (cp1252) lacks" in await files.fails(
        "edit_file", path="old.txt", old="r", new="世"
    )
    assert (workspace / "old.txt").read_bytes() == "für".encode("cp1252")


async def test_what_is_no_text_is_described(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "cat.tiff").write_bytes(b"II*\0" + bytes(3 * 1024 * 1024))
    (workspace / "data.bin").write_bytes(bytes(range(256)))
    (workspace / "huge.log").write_bytes(b"x" * (5 * 1024 * 1024 + 1))
    (workspace / "huge.png").write_bytes(PNG + bytes(6 * 1024 * 1024))
    assert await files("read_file", path="cat.tiff") == (
        "'cat.tiff' is a picture (image/tiff, 3 MB). Only what is PNG, JPEG, WebP or GIF can be shown to you."
    )
    assert await files("read_file", path="huge.png") == (
        "'huge.png' is a picture (image/png, 6 MB). Only what is PNG, JPEG, WebP or GIF and has at most 3.75 MB can be"
        " shown to you."
    )
    assert await files.fails("read_file", path="data.bin") == "'data.bin' is no text (application/octet-stream, 256 B)."
    assert await files.fails("edit_file", path="data.bin", old="a", new="b") == "'data.bin' is no text."
    assert (
        await files.fails("read_file", path="huge.log")
        == "'huge.log' is too large: it has 5 MB, and 5 MB are the most."
    )
    assert await files.fails("read_file", path="") == "Name a file: the workspace is a folder."
    assert "is a folder" in await files.fails("write_file", path="sub/", content="")


# -- edits ----------------------------------------------------------------------------------------


async def test_an_edit_says_where_it_was(files: Hands, workspace: Path) -> None:
    await files("write_file", path="p.py", content="a = 1\nb = 1\nc = 2\n")
    assert await files("edit_file", path="p.py", old="c = 2", new="c = 3") == "Edited 'p.py' at line 3."
    assert await files("edit_file", path="p.py", old=" = 1", new=" = 9", all=True) == (
        "Edited 'p.py' in 2 places, the first at line 1."
    )
    assert (workspace / "p.py").read_text() == "a = 9\nb = 9\nc = 3\n"


async def test_an_edit_that_could_mean_several_places_is_refused(files: Hands) -> None:
    await files("write_file", path="p.py", content="x = 1\n" * 20)
    assert await files.fails("edit_file", path="p.py", old="x = 1", new="x = 2") == (
        "'old' is there 20 times (lines 1, 2, 3, 4, 5, 6, 7, 8, …). Give more of the text around it, or set all."
    )


@pytest.mark.parametrize(
    ("old", "line", "place"),
    [
        ("def greet(name):\n  return name", 3, "def greet(name):\n    return name"),
        ("    retrun name", 4, "    return name"),
        ("def farewell(nam):\n    pass", 6, "def farewell(name):\n    print(name)"),
    ],
    ids=["white space", "one line", "several lines"],
)
async def test_an_edit_that_does_not_fit_names_the_closest_place(files: Hands, old: str, line: int, place: str) -> None:
    text = "import this\n\ndef greet(name):\n    return name\n\ndef farewell(name):\n    print(name)\n"
    await files("write_file", path="p.py", content=text)
    told = await files.fails("edit_file", path="p.py", old=old, new="x")
    assert told == f"'old' is not in the file. Most like it is line {line}:\n{place}"


async def test_an_edit_without_sense_is_refused(files: Hands) -> None:
    await files("write_file", path="p", content="abc")
    assert "'old' is empty" in await files.fails("edit_file", path="p", old="", new="x")
    assert await files.fails("edit_file", path="p", old="a", new="a") == "'old' and 'new' are the same."
    assert "Nothing in it resembles that" in await files.fails("edit_file", path="p", old="zzzzzzzz", new="x")


async def test_a_search_for_the_closest_place_has_an_end(files: Hands, workspace: Path) -> None:
    """Lines of the same letters in another order take the longest to compare."""
    lines = "".join("".join(chr(97 + (i * 7 + n) % 26) for i in range(200)) + "\n" for n in range(20_000))
    await files("write_file", path="many", content="soon more")
    (workspace / "many").write_text(lines, encoding="utf-8")
    async with asyncio.timeout(5):
        await files.fails("edit_file", path="many", old="zyxwvutsrqponmlkjihgfedcba" * 7, new="x")


async def test_edits_at_the_same_time_all_count(files: Hands, workspace: Path) -> None:
    await files("write_file", path="list", content="".join(f"<{n}>\n" for n in range(40)))
    await asyncio.gather(*(files("edit_file", path="list", old=f"<{n}>", new=f"done {n}") for n in range(40)))
    assert (workspace / "list").read_text() == "".join(f"done {n}\n" for n in range(40))


# -- lists ----------------------------------------------------------------------------------------


@pytest.fixture
def tree(workspace: Path, config_dir: Path) -> None:
    for path, size in (("todo.md", 2048), ("notes/a.md", 10), ("notes/old/b.md", 20), ("notes/c.txt", 30)):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_bytes(b"x" * size)


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        ({}, "notes/\ntodo.md  2 kB"),
        ({"path": "notes"}, "notes/a.md  10 B\nnotes/c.txt  30 B\nnotes/old/"),
        ({"path": "./notes/old/"}, "notes/old/b.md  20 B"),
        (
            {"recursive": True},
            "notes/\nnotes/a.md  10 B\nnotes/c.txt  30 B\nnotes/old/\nnotes/old/b.md  20 B\ntodo.md  2 kB",
        ),
        ({"pattern": "*.md"}, "todo.md  2 kB"),
        ({"pattern": "*.md", "recursive": True}, "notes/a.md  10 B\nnotes/old/b.md  20 B\ntodo.md  2 kB"),
        ({"pattern": "**/*.md"}, "notes/a.md  10 B\nnotes/old/b.md  20 B\ntodo.md  2 kB"),
        ({"pattern": "notes/*.md"}, "notes/a.md  10 B"),
        ({"pattern": "notes/**"}, "notes/\nnotes/a.md  10 B\nnotes/c.txt  30 B\nnotes/old/\nnotes/old/b.md  20 B"),
        ({"path": "notes", "pattern": "old/*"}, "notes/old/b.md  20 B"),
        ({"pattern": "*.jpg"}, "Nothing there fits '*.jpg'."),
    ],
    ids=str,
)
async def test_a_folder_is_listed(files: Hands, arguments: dict[str, object], listed: str) -> None:
    assert await files("list_dir", **arguments) == listed


async def test_a_long_list_says_that_there_is_more(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    for number in range(201):
        (workspace / f"{number:03}").touch()
    lines = (await files("list_dir")).split("\n")
    assert len(lines) == 201
    assert lines[-1] == "[and more; only 200 are shown: give a path or a pattern]"


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("notes/a.mdx", "There is no 'notes/a.mdx'. Did you mean 'notes/a.md'?"),
        ("b.md", "There is no 'b.md'. Did you mean 'notes/old/b.md'?"),
        ("Todo.MD", "There is no 'Todo.MD'. Did you mean 'todo.md'?"),
        ("quite/another/thing.pdf", "There is no 'quite/another/thing.pdf'."),
        ("todo.md/x", "'todo.md' is not a folder."),
    ],
)
async def test_a_wrong_name_brings_the_nearest_one(files: Hands, path: str, told: str) -> None:
    assert await files.fails("read_file", path=path) == told


# -- received files -------------------------------------------------------------------------------


async def test_received_files_are_read_and_never_written(files: Hands, config_dir: Path) -> None:
    got = await files.hub.media.keep("chat", "letter.txt", b"Dear all,\n")
    assert await files("read_file", path=got.path) == "Dear all,"
    assert (await files("list_dir")).split("\n") == ["media/"]
    assert (await files("list_dir", path="media", pattern="*.txt", recursive=True)) == f"{got.path}  10 B"
    for tool, arguments in (("write_file", {"content": "x"}), ("edit_file", {"old": "Dear", "new": "x"})):
        for path in (got.path, "media/new.txt", "./media//new.txt", "media"):
            told = await files.fails(tool, path=path, **arguments)
            assert told == "What was received in media/ stays as it is. Write somewhere else."
    assert (config_dir / got.path).read_text() == "Dear all,\n"
    assert not (config_dir / "workspace").exists()


async def test_a_picture_is_handed_over(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "cat.png").write_bytes(png(40, 30))
    (workspace / "torn.png").write_bytes(PNG)
    shown = await files.call("read_file", path="cat.png")
    [path] = shown.files
    assert shown.text.startswith("'cat.png' is a picture (image/png, ")
    assert f"[file: {path} (image/png, " in shown.text
    torn = await files.call("read_file", path="torn.png")
    assert torn.files == ()
    assert torn.text.endswith("; not shown to you: it is damaged]")


async def test_a_file_to_send_lies_in_the_media_folder(files: Hands, config_dir: Path) -> None:
    (workspace,) = files.hub.workspaces
    await files("write_file", path="notes/plan.md", content="# Plan\n")
    sent = await workspace.attachment("notes/plan.md", files.turn)
    await files("write_file", path="notes/plan.md", content="# Another\n")
    assert (sent.name, sent.media_type, sent.size_bytes) == ("plan.md", "text/markdown", 7)
    assert files.hub.media.path_of(sent).read_text() == "# Plan\n"
    again = await workspace.attachment(f"./{sent.path}", files.turn)
    assert again == sent
