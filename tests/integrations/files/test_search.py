"""What an agent finds: files by name, and lines by what stands in them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from integrations.files import search
from nanobot.testing.tools import Hands

from .conftest import SECRET

ENDLESS = r"(a+)+$"
"""Takes 2^n steps for n letters that it does not match in the end."""


@pytest.fixture
def notes(workspace: Path) -> Path:
    for path, text in {
        "todo.md": "Milk\nBread\n",
        "notes/garden.md": "# Garden\nWater the oak\r\nmilk for the cat\n",
        "notes/old/2024.txt": "nothing much\n",
        ".git/config": "milk = hidden\n",
        "notes/.draft.md": "milk in a draft\n",
    }.items():
        file = workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    (workspace / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00milk")
    return workspace


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        pytest.param({"pattern": "*.md"}, ["notes/garden.md", "todo.md"], id="a name fits at any depth"),
        pytest.param({"pattern": "notes/**/*.txt"}, ["notes/old/2024.txt"], id="folders in the pattern"),
        pytest.param({"pattern": "*.md", "path": "notes"}, ["notes/garden.md"], id="below a folder"),
        pytest.param(
            {"pattern": "{todo,notes/{old/2024,x}}.{md,txt}"}, ["notes/old/2024.txt", "todo.md"], id="alternatives"
        ),
        pytest.param({"pattern": "notes*"}, None, id="folders are no files"),
        pytest.param({"pattern": ".draft*"}, ["notes/.draft.md"], id="hidden ones when they are asked for"),
        pytest.param({"pattern": ".git/*"}, [".git/config"], id="a hidden folder when it is asked for"),
    ],
)
async def test_files_are_found_by_name(
    files: Hands, notes: Path, arguments: dict[str, str], paths: list[str] | None
) -> None:
    told = await files("glob", **arguments)
    assert told == ("\n".join(paths) if paths else "No file fits 'notes*'.")


async def test_lines_are_found_with_their_places(files: Hands, notes: Path) -> None:
    assert await files("grep", pattern="[Mm]ilk") == "notes/garden.md:3: milk for the cat\ntodo.md:1: Milk"
    assert await files("grep", pattern="MILK", ignore_case=True, glob="todo.*") == "todo.md:1: Milk"
    assert await files("grep", pattern="oak$", path="notes/garden.md") == "notes/garden.md:2: Water the oak"
    assert await files("grep", pattern="milk", path="notes", glob=".*") == "notes/.draft.md:1: milk in a draft"
    assert await files("grep", pattern="beer") == "Nothing in 3 text files matches 'beer'."


async def test_a_long_line_is_cut_around_what_was_found(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "one.json").write_text("x" * 5000 + "needle" + "y" * 5000)
    told = await files("grep", pattern="needle")
    assert told == "one.json:1: …" + "x" * 80 + "needle" + "y" * 164 + "…"


async def test_there_are_limits_on_what_is_shown(
    files: Hands, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.mkdir()
    (workspace / "many.txt").write_text("line\n" * 300)
    *lines, note = (await files("grep", pattern="line")).split("\n")
    assert (len(lines), lines[-1]) == (100, "many.txt:100: line")
    assert note == "[only 100 lines are shown: give a path, a glob or a narrower pattern]"
    (workspace / "big.txt").write_bytes(b"line\n" * 1_200_000)
    assert (await files("grep", pattern="nine")) == (
        "Nothing in 1 text file matches 'nine'.\n[left out because of their size: 1]"
    )
    monkeypatch.setattr(search, "MOST_BYTES", 1000)
    told = await files("grep", pattern="nine")
    assert "[there is more than one search can read: give a path, a glob or a narrower pattern]" in told
    for number in range(250):
        (workspace / f"{number:03}.log").touch()
    *lines, note = (await files("glob", pattern="*.log")).split("\n")
    assert (len(lines), note) == (200, "[and more; only 200 are shown: give a path or a narrower pattern]")


async def test_a_pattern_that_never_ends_is_ended_and_holds_nobody_up(
    files: Hands, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS", 0.5)
    workspace.mkdir()
    (workspace / "a.txt").write_text("a" * 60 + "b\n")
    slowest, began, done = 0.0, time.monotonic(), asyncio.Event()

    async def others() -> None:
        nonlocal slowest
        while not done.is_set():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            slowest = max(slowest, time.monotonic() - before)

    watching = asyncio.ensure_future(others())
    told = await files("grep", pattern=ENDLESS)
    done.set()
    await watching
    assert "[the search took longer than 0.5 s: give a path, a glob or a narrower pattern]" in told
    assert time.monotonic() - began < 5
    assert slowest < 0.4


async def test_what_is_no_pattern_is_told(files: Hands, notes: Path) -> None:
    told = await files.fails("grep", pattern="milk(")
    assert told == "'milk(' is not a regular expression: missing ), unterminated subpattern at position 4."


@pytest.mark.parametrize("path", ["..", "/etc", "notes/../..", "out", "out/secrets.yaml", "~/x"])
async def test_nothing_outside_is_found(files: Hands, notes: Path, config_dir: Path, path: str) -> None:
    (notes / "out").symlink_to(config_dir)
    (notes / "treasure.txt").symlink_to(config_dir / "secrets.yaml")
    (notes / "hard.txt").hardlink_to(config_dir / "secrets.yaml")
    for tool in ("glob", "grep"):
        assert SECRET not in await files.fails(tool, pattern="treasure", path=path)
        assert "out/" not in await files(tool, pattern="*" if tool == "glob" else ".")
    assert (await files("grep", pattern="treasure")).startswith("Nothing in ")


async def test_guests_find_nothing_unless_they_are_let(files: Hands, notes: Path) -> None:
    guest = files.of(owner=False)
    for tool in ("glob", "grep"):
        assert (await guest.fails(tool, pattern="milk")).startswith("Only the people who run nanobot may use files")
    got = await files.hub.media.keep("chat", "letter.txt", b"Dear all,\n")
    assert (await guest.fails("grep", pattern="Dear", path="media")).startswith("Only the people who run nanobot")
    assert await files("grep", pattern="Dear", path="media") == f"{got.path}:1: Dear all,"


async def test_a_pattern_that_stands_for_too_many_is_taken_as_it_is(files: Hands, workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "a").touch()
    assert (await files("glob", pattern="{a,b}" * 40)).startswith("No file fits ")


async def test_a_workspace_that_is_not_made_yet_holds_nothing(files: Hands, workspace: Path) -> None:
    assert await files("glob", pattern="*") == "No file fits '*'."
    assert await files("grep", pattern="x") == "Nothing in 0 text files matches 'x'."
