"""The files inside of a request: pictures and documents as ``data:`` addresses."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.agent import Agent
from nanobot.contracts.channel import Attachment
from nanobot.errors import Refused
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .errors import wrong

OTHER = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """``data`` is base64 text, not decoded yet; ``place`` is where it stands in the request."""

    name: str
    media_type: str
    data: str
    place: str


def file_of(part: Mapping[str, Any], place: str) -> File:
    """The file of one part of a message. Raises ``ApiError`` for one that would have to be fetched."""
    if part["type"] in ("image_url", "input_image"):
        source = part.get("image_url")
        address = source.get("url") if isinstance(source, dict) else source
        return _of_address(address, None, place)
    about = part.get("file") if part["type"] == "file" else part
    if not isinstance(about, dict):
        raise wrong(place, f"a file in {place} has 'file_data'")
    name = about.get("filename")
    return _of_address(about.get("file_data"), name if isinstance(name, str) and name else None, place)


async def keep(hub: Hub, source: str, agent: Agent, files: tuple[File, ...], language: str) -> tuple[Attachment, ...]:
    """Keep the files of a message. Raises ``ApiError`` for what is not taken, and then none of them stays."""
    if files and not agent.takes_files:
        raise wrong(files[0].place, f"{agent.name} reads text only; leave the files out", "unsupported_content")
    kept: list[Attachment] = []
    try:
        for file in files:
            try:
                data = await in_thread(base64.b64decode, file.data, None, True)
            except (binascii.Error, ValueError) as error:
                raise wrong(file.place, f"a file in {file.place} is not base64: {error}") from error
            try:
                kept.append(await hub.media.keep(source, file.name, data, file.media_type, language=language))
            except Refused as error:
                raise wrong(file.place, str(error), "unsupported_content") from error
    except BaseException:
        await hub.media.drop(*kept)
        raise
    return tuple(kept)


def _of_address(address: Any, name: str | None, place: str) -> File:
    if not isinstance(address, str):
        raise wrong(place, f"a file in {place} is a data: address")
    if not address.startswith("data:"):
        if name is None or ":" in address[:64]:  # nothing is fetched: the address may lead anywhere in this network
            raise wrong(place, "files are not fetched from elsewhere; send the data itself, as data:image/png;base64,…")
        return File(name, mimetypes.guess_type(name)[0] or OTHER, address, place)
    head, comma, data = address[5:].partition(",")
    kind, *parameters = head.split(";")
    if not comma or "base64" not in parameters:
        raise wrong(place, "a data: address looks like data:image/png;base64,…")
    media_type = kind.strip().lower() or OTHER
    return File(name or "file" + (mimetypes.guess_extension(media_type) or ""), media_type, data, place)
