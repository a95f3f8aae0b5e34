"""What may be a path inside of a folder, by its letters alone."""

from __future__ import annotations

import re
import unicodedata

from nanobot.errors import ToolError
from nanobot.util.text import shorten

MAX_NAME = 255  # bytes of one name: what the usual file systems take
MAX_DEPTH = 32  # names in a path
IN_THE_MAKING = re.compile(r"\.nanobot-[0-9a-f]{16}\.tmp")
"""What a file is called until it is whole."""

_DISGUISES = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Ends of lines, and what turns the direction of the letters that follow: a name must look like what it is."""


def parts_of(path: str) -> tuple[str, ...]:
    """The names in a path; none is the folder itself. Raises ``ToolError`` for a path that leads anywhere else."""
    if path.startswith(("/", "~/")) or path == "~":
        raise ToolError(f"{shown(path)} is not a path in the workspace. Write it without the folders above it.")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if len(parts) > MAX_DEPTH:
        raise ToolError(f"The path has {len(parts)} names; {MAX_DEPTH} are the most.")
    for part in parts:
        if part == "..":
            raise ToolError(f"{shown(path)} leads out of the workspace. Write paths without '..'.")
        if any(unicodedata.category(letter) in ("Cc", "Cs") or letter in _DISGUISES for letter in part):
            raise ToolError(f"{shown(path)} has characters that no file name should have.")
        if "\\" in part or _looks_like_a_way_out(part):
            raise ToolError(f"{shown(path)} is no name for a file. Write '/' between folders and their files.")
        if len(part.encode()) > MAX_NAME:
            raise ToolError(f"The name {shown(part)} is too long; {MAX_NAME} bytes are the most.")
        if IN_THE_MAKING.fullmatch(part):
            raise ToolError(f"{shown(path)} is a file in the making. Take another name.")
    return parts


def shown(path: str) -> str:
    """A path for a sentence, whatever is in it."""
    return shorten(path, 120) if path.isprintable() else shorten(repr(path)[1:-1], 120)


def _looks_like_a_way_out(part: str) -> bool:
    """Characters that some file systems take for dots and slashes."""
    if part.isascii():
        return False
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", part) if unicodedata.category(letter) != "Cf")
    return plain in ("", ".", "..") or "/" in plain or "\\" in plain
