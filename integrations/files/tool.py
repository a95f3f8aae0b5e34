"""The tools on files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.agent.models.pictures import MOST_BYTES, TYPES
from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.storage.folder import Found
from nanobot.storage.media import size_text
from nanobot.storage.naming import MAX_DEPTH, shown

from .glob import fitting
from .search import Search
from .text import FileText, edited, encode
from .workspace import FileWorkspace, is_obeyed

MAX_READ = 14_000  # characters of a file in one result; an agent may cut what is longer
MAX_LISTED = 200  # files and folders in one result
MAX_HITS = 100  # lines in one result

_FROM_ONE = vol.All(cv.whole_number, vol.Range(min=1))
_GLOB = vol.All(str, vol.Length(max=200))


def tools(workspace: FileWorkspace) -> list[Tool]:
    """Those that change something are left out where nothing may be changed."""
    reading: list[Tool] = [ReadFile(workspace), ListDir(workspace), Glob(workspace), Grep(workspace)]
    return reading if workspace.rules.read_only else [*reading, WriteFile(workspace), EditFile(workspace)]


class _FileTool(Tool):
    guards_guests = True

    def __init__(self, workspace: FileWorkspace) -> None:
        self.workspace = workspace


class _WritingTool(_FileTool):
    risk = Risk.WRITE

    def risk_of(self, arguments: Mapping[str, Any]) -> Risk:
        """What strangers would have written into the prompt of every later turn needs a person's yes."""
        return Risk.OUTSIDE if is_obeyed(arguments["path"]) else Risk.WRITE


class ReadFile(_FileTool):
    """Text as it is; a picture is shown, and anything else is described."""

    name = "read_file"
    description = "Read a text or picture of the workspace, or a received one in media/."
    parameters = vol.Schema(
        {
            vol.Required("path"): str,
            vol.Optional("offset", description="first line"): _FROM_ONE,
            vol.Optional("limit", description="lines"): _FROM_ONE,
            vol.Optional("numbers", description="number the lines"): cv.boolean,
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        path = arguments["path"]
        kind, size = await self.workspace.kind(path, turn)
        if kind.startswith("image/") and kind != "image/svg+xml":
            about = f"{shown(path)} is a picture ({kind}, {size_text(size)})."
            if kind not in TYPES or size > MOST_BYTES:
                most = "" if size <= MOST_BYTES else f" and has at most {MOST_BYTES / 1e6:.2f} MB"
                return ToolResult(f"{about} Only what is PNG, JPEG, WebP or GIF{most} can be shown to you.")
            return ToolResult(about, files=(await self.workspace.attachment(path, turn),))
        file = FileText.of((await self.workspace.read(path, turn)).data)
        if file is None:
            raise ToolError(f"{shown(path)} is no text ({kind}, {size_text(size)}).")
        return ToolResult(
            _excerpt(file, arguments.get("offset", 1), arguments.get("limit"), numbers=arguments.get("numbers", False))
        )


class WriteFile(_WritingTool):
    """All of a file."""

    name = "write_file"
    description = "Write a file of the workspace as a whole; folders are made."
    parameters = vol.Schema({vol.Required("path"): str, vol.Required("content"): str})

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        path, content = arguments["path"], arguments["content"]
        data = encode(content)
        replaced = await self.workspace.write(path, data, turn)
        lines = content.count("\n") + (not content.endswith("\n") and bool(content))
        did = "Replaced" if replaced else "Made"
        return ToolResult(f"{did} {shown(path)} ({lines} line{'s' * (lines != 1)}, {size_text(len(data))}).")


class EditFile(_WritingTool):
    """A part of a file."""

    name = "edit_file"
    description = "Replace text in a file of the workspace. old must match exactly and be there once, unless all."
    parameters = vol.Schema(
        {
            vol.Required("path"): str,
            vol.Required("old"): str,
            vol.Required("new"): str,
            vol.Optional("all"): cv.boolean,
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        path, every = arguments["path"], arguments.get("all", False)
        told = ""

        def change(data: bytes) -> bytes:
            nonlocal told
            file = FileText.of(data)
            if file is None:
                raise ToolError(f"{shown(path)} is no text.")
            text, count, line = edited(
                file.text, file.as_here(arguments["old"]), file.as_here(arguments["new"]), every=every
            )
            told = f"at line {line}" if count == 1 else f"in {count} places, the first at line {line}"
            return file.encode(text)

        await self.workspace.edit(path, turn, change)
        return ToolResult(f"Edited {shown(path)} {told}.")


class ListDir(_FileTool):
    """Names and sizes."""

    name = "list_dir"
    description = "List files and sizes; folders end with /."
    parameters = vol.Schema(
        {
            vol.Optional("path"): str,
            vol.Optional("pattern", description="glob, such as *.md"): _GLOB,
            vol.Optional("recursive"): cv.boolean,
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        path, pattern = arguments.get("path", ""), arguments.get("pattern", "")
        depth = MAX_DEPTH if arguments.get("recursive") or "/" in pattern else 1
        fits = fitting(pattern) if pattern else lambda _: True
        found, more = await self.workspace.listing(path, turn, depth=depth, most=MAX_LISTED, fits=fits)
        if not found and not more:
            return ToolResult(f"Nothing there fits {shown(pattern)}." if pattern else "It is empty.")
        lines = [_line(one) for one in found]
        if more:
            lines.append(f"[and more; only {len(found)} are shown: give a path or a pattern]")
        return ToolResult("\n".join(lines))


class Glob(_FileTool):
    """Paths, at any depth."""

    name = "glob"
    description = "Find files of the workspace by name."
    parameters = vol.Schema(
        {vol.Required("pattern", description="such as notes/**/*.md"): _GLOB, vol.Optional("path"): str}
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        pattern = arguments["pattern"]
        fits = fitting(pattern)
        found, more = await self.workspace.listing(
            arguments.get("path", ""),
            turn,
            depth=MAX_DEPTH,
            most=MAX_LISTED,
            fits=fits,
            hidden=_is_hidden(pattern),
            only_files=True,
        )
        lines = [_printable(one.path) for one in found]
        if more:
            lines.append(f"[and more; only {len(lines)} are shown: give a path or a narrower pattern]")
        return ToolResult("\n".join(lines) or f"No file fits {shown(pattern)}.")


class Grep(_FileTool):
    """Lines of text files."""

    name = "grep"
    description = "Find lines in text files of the workspace by a regular expression."
    parameters = vol.Schema(
        {
            vol.Required("pattern"): vol.All(str, vol.Length(min=1, max=1000)),
            vol.Optional("path", description="a file or folder"): str,
            vol.Optional("glob", description="which files"): _GLOB,
            vol.Optional("ignore_case"): cv.boolean,
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        pattern, glob = arguments["pattern"], arguments.get("glob", "")
        search = Search(pattern, arguments.get("ignore_case", False), MAX_HITS, self.workspace.rules.max_bytes)
        fits = fitting(glob) if glob else lambda _: True
        await self.workspace.search(arguments.get("path", ""), turn, search, fits=fits, hidden=_is_hidden(glob))
        return ToolResult(_report(search))


def _report(search: Search) -> str:
    lines: list[str] = []
    room, stopped = MAX_READ, search.stopped
    for hit in search.hits:
        line = f"{_printable(hit.path)}:{hit.line}: {hit.text}"
        room -= len(line) + 1
        if room < 0:
            stopped = f"only {len(lines)} lines are shown"
            break
        lines.append(line)
    if not lines:
        looked = f"{search.files} text file{'s' * (search.files != 1)}"
        lines.append(f"Nothing in {looked} matches {shown(search.pattern)}.")
    if stopped:
        lines.append(f"[{stopped}: give a path, a glob or a narrower pattern]")
    if search.too_large:
        lines.append(f"[left out because of their size: {search.too_large}]")
    return "\n".join(lines)


def _is_hidden(pattern: str) -> bool:
    """Whether what begins with a dot is meant, too."""
    return any(name.startswith(".") and name not in (".", "..") for name in pattern.split("/"))


def _printable(path: str) -> str:
    return path if path.isprintable() else repr(path)[1:-1]


def _line(found: Found) -> str:
    path = _printable(found.path)
    match found.kind:
        case "folder":
            return f"{path}/"
        case "file":
            return f"{path}  {size_text(found.size)}"
    return f"{path}  (no plain file)"


def _excerpt(file: FileText, offset: int, limit: int | None, *, numbers: bool) -> str:
    lines = file.lines()
    if not lines:
        return "(The file is empty.)"
    if offset > len(lines):
        raise ToolError(f"The file has {len(lines)} lines.")
    taken: list[str] = []
    room, cut = MAX_READ, 0
    for number, line in enumerate(lines[offset - 1 : None if limit is None else offset - 1 + limit], offset):
        text = f"{number}\t{line}" if numbers else line
        if len(text) > room and taken:
            break
        cut = max(0, len(text) - room)
        taken.append(text[:room])
        room -= len(text) + 1
    last = offset + len(taken) - 1
    notes = []
    if cut:
        notes.append(f"line {last} goes on for {cut} characters")
    if offset > 1 or last < len(lines):
        notes.append(f"lines {offset} to {last} of {len(lines)}")
    if file.encoding == "cp1252":
        notes.append("not UTF-8, read as Windows-1252")
    return "\n".join([*taken, f"[{'; '.join(notes)}]"] if notes else taken)
