"""Files that came with messages, on their way into ``media/``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from nanobot.errors import ToolError
from nanobot.storage.folder import Folder
from nanobot.storage.shelf import FOLDER
from nanobot.util.file_kind import HEAD, media_type_of, safe_name
from nanobot.util.ids import ulid_of

from .home import SMALL, Home
from .papers import NEW, SAME, Paper
from .talk import Talk, name_of

SOURCE = "older"
"""The folder in ``media/``."""


def pictures(talk: Talk, home: Home, target: Path) -> Iterator[Paper]:
    """What is still there of them; the lines that they came with are told. Of the others the name stays."""
    folder = Folder(home.path)
    for line, path in talk.wanted:
        name = safe_name(name_of(path))
        place = FOLDER + "/" + path.replace("\\", "/").rpartition(f"/{FOLDER}/")[2]
        try:
            head = folder.peek(place, HEAD)
        except ToolError:
            line["text"] = f"{line['text']}\n[{name}]".strip()
            continue
        moment = datetime.fromisoformat(line["time"])
        digest = hashlib.sha256(f"{talk.key}\0{path}".encode("utf-8", "replace")).digest()
        kept = f"{FOLDER}/{SOURCE}/{moment:%Y-%m-%d}/{ulid_of(moment.timestamp(), digest)}_{name}"
        line.setdefault("attachments", []).append(
            {
                "path": kept,
                "name": name,
                "media_type": media_type_of(head.data, None, name),
                "size_bytes": head.version.size,
            }
        )
        there = (target / kept).exists()
        yield Paper(target / kept, SAME if there else NEW, partial(_data, folder, place))


def _data(folder: Folder, place: str) -> bytes:
    return folder.read(place, SMALL).data
