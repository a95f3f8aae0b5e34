"""The files that tools give: told as text, and of the pictures among them the last ones shown to models that see."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from nanobot.agent.documents import MOST_IMAGES, SHARE, TEXTS, picture_of
from nanobot.agent.models.pictures import TOKENS
from nanobot.contracts.channel import Attachment
from nanobot.contracts.model import Image, Request
from nanobot.errors import Refused
from nanobot.hub.hub import Hub
from nanobot.storage.media import size_text
from nanobot.util.aio import in_thread

_log = logging.getLogger(__name__)


async def told(hub: Hub, files: Sequence[Attachment]) -> tuple[str, tuple[str, ...]]:
    """What a model reads of the files of a result, and the paths of those that are pictures it can be shown."""
    return await in_thread(_told, hub, files)


def _told(hub: Hub, files: Sequence[Attachment]) -> tuple[str, tuple[str, ...]]:
    lines: list[str] = []
    pictures: list[str] = []
    for file in files:
        about = f"file: {file.path} ({file.media_type}, {size_text(file.size_bytes)})"
        if file.media_type.startswith("image/") and file.media_type not in TEXTS:
            try:
                if len(pictures) >= MOST_IMAGES:
                    raise Refused(f"only {MOST_IMAGES} pictures are shown at a time")
                picture_of(hub.media.path_of(file))
            except (OSError, Refused) as error:
                about += f"; not shown to you: {error}"
            else:
                pictures.append(file.path)
        lines.append(f"[{about}]")
    return "\n".join(lines), tuple(pictures)


class ToolPictures:
    """Those of one turn; each is read once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._read: dict[str, Image | None] = {}

    async def shown(self, request: Request, room: int) -> Request:
        """The request with the last pictures that tools gave, as many as ``room`` characters have space for."""
        if not any(message.files for message in request.messages):  # as in nearly all of them
            return request
        found = list(request.messages)
        most = min(MOST_IMAGES, room // (SHARE * 4 * TOKENS))
        for place in range(len(found) - 1, -1, -1):
            if not (paths := found[place].files) or most <= 0:
                continue
            wanted = paths[-most:]
            if any(path not in self._read for path in wanted):
                self._read |= await in_thread(self._load, wanted)
            images = tuple(image for path in wanted if (image := self._read[path]) is not None)
            most -= len(images)
            found[place] = replace(found[place], images=images)
        return replace(request, messages=found)

    def _load(self, paths: Sequence[str]) -> dict[str, Image | None]:
        """None for one that is gone, as files are after a while."""
        found: dict[str, Image | None] = {}
        for path in paths:
            try:
                found[path] = picture_of(self._hub.media.path_of(Attachment(path, path.rpartition("/")[2])))
            except (OSError, Refused) as error:
                _log.debug("%s is not shown to the model: %s", path, error)
                found[path] = None
        return found
