"""Calls of tools that a model wrote wrong: mended where only one thing can be meant, so that no round is lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any

import orjson

from nanobot.contracts.model import ToolCall

LONGEST = 100_000  # characters of arguments that are looked at
DEEPEST = 20  # brackets that are closed for it
SHOWN = 200  # characters of what a call was taken for
MENDED = "[Your call was not written as it should be; it was taken for {call}. Write one JSON object next time.]"
CUT_OFF = "[Your call was cut off before its end, so nothing was done. Make it again, in smaller parts.]"

_FENCE = re.compile(r"\s*```[\w-]*\s*\n?(.*?)\n?\s*```\s*", re.DOTALL)
_TRAILING = re.compile(r",(\s*[}\]])")
_ENDED = re.compile(r'(?:["}\]]|\b(?:true|false|null))\s*$')
_PREFIX = re.compile(r"^(?:functions?|tools?|default_api)[.:/]|^(?:functions?|tools?)__")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def mended(call: ToolCall, names: Collection[str], *, whole: bool = True) -> tuple[ToolCall, str]:
    """The call that is meant, and a remark for the model when that is another than it wrote; else "".

    ``whole``: the model came to an end by itself, so that what is missing at the end are brackets and nothing else.
    """
    name, arguments = _name(call.name, names), _arguments(call.arguments, whole=whole)
    if arguments is None:
        return ToolCall(call.id, name, call.arguments), CUT_OFF
    if name == call.name and arguments == call.arguments:
        return call, ""
    found = ToolCall(call.id, name, arguments)
    return found, MENDED.format(call=f"{name} {arguments[:SHOWN]}")


def _name(name: str, names: Collection[str]) -> str:
    if name in names:
        return name
    plain = _PREFIX.sub("", name.strip().strip("`'\""))
    if plain in names:
        return plain
    folded = _folded(plain)
    meant = [one for one in names if _folded(one) == folded]
    return meant[0] if len(meant) == 1 else name


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _arguments(text: str, *, whole: bool) -> str | None:
    """As it is when it is one JSON object, or when nobody can tell what is meant; None when its end is missing."""
    if not text.strip() or len(text) > LONGEST or _object(text) is not None:
        return text
    found = _meant(text, whole=whole)
    if found is not None:
        return orjson.dumps(found).decode()
    return None if text.lstrip().startswith("{") and _open(text) != "" else text


def _meant(text: str, *, whole: bool) -> dict[str, Any] | None:
    if fence := _FENCE.fullmatch(text):
        text = fence[1]
    text = text.strip()
    for _ in range(2):  # an object within a text, perhaps within another
        if not text.startswith('"'):
            break
        try:
            inner = orjson.loads(text)
        except ValueError:
            break
        text = inner.strip() if isinstance(inner, str) else text
    if text in ("null", "None", ""):
        return {}
    for attempt in (text, _without_trailing(text), _closed(text) if whole else None):
        if attempt is not None and (found := _object(attempt) or _only(attempt)) is not None:
            return found
    return _python(text)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _only(text: str) -> dict[str, Any] | None:
    """The one object of a list."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict) else None


def _without_trailing(text: str) -> str:
    """Without the commas before a closing bracket, outside of texts."""
    kept: list[str] = []
    place = 0
    for string in _STRING.finditer(text):
        kept += [_TRAILING.sub(r"\1", text[place : string.start()]), string[0]]
        place = string.end()
    return "".join([*kept, _TRAILING.sub(r"\1", text[place:])])


def _closed(text: str) -> str | None:
    """With the brackets closed that are open at the end; None where more than brackets may be missing."""
    missing = _open(text)
    if not missing or len(missing) > DEEPEST or not _ENDED.search(text):
        return None
    return _without_trailing(text + missing)


def _open(text: str) -> str | None:
    """The brackets that are missing at the end; None when the end is within a text, or they do not match."""
    stack: list[str] = []
    inside = escaped = False
    for sign in text:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = inside
        elif sign == '"':
            inside = not inside
        elif inside:
            continue
        elif sign in "{[":
            stack.append("}" if sign == "{" else "]")
        elif sign in "}]" and (not stack or stack.pop() != sign):
            return ""
    return None if inside else "".join(reversed(stack))


def _python(text: str) -> dict[str, Any] | None:
    """What is written as in Python: single quotes, ``True``, ``None``."""
    if not text.startswith("{"):
        return None
    try:
        found = ast.literal_eval(text)
        orjson.dumps(found)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, dict) and all(isinstance(key, str) for key in found) else None
