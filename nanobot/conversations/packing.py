"""What rows hold besides their columns, as JSON, and texts that a database takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from nanobot.contracts.channel import Attachment


def pack_attachments(attachments: tuple[Attachment, ...]) -> list[dict[str, Any]]:
    """For a JSON column."""
    return [
        {"path": a.path, "name": a.name, "media_type": a.media_type, "size_bytes": a.size_bytes} for a in attachments
    ]


def unpack_attachments(packed: list[dict[str, Any]]) -> tuple[Attachment, ...]:
    """What ``pack_attachments`` made."""
    return tuple(Attachment(**fields) for fields in packed)


def paths_in(rows: list[tuple[str]]) -> set[str]:
    """The paths of the attachments in JSON columns."""
    return {file["path"] for (more,) in rows for file in orjson.loads(more).get("attachments", ())}


def pack(fields: Mapping[str, Any]) -> str:
    """Whatever a channel put there, as a JSON text."""
    try:
        return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # broken characters, numbers beyond 64 bits
        return json.dumps(fields, default=str)


def whole(text: str) -> str:
    """Without the halves of characters that broken clients send and no database takes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
