"""The files that come with a message: text as text, marked as words of others, and pictures for models that see."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from nanobot.agent.foreign import marked
from nanobot.agent.models.pictures import MOST_BYTES, picture
from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.model import Image
from nanobot.errors import Refused
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

MOST_FILES = 10
MOST_IMAGES = 4
TEXT_BYTES = 2_000_000  # of one text; what is longer is read in parts, with a tool
PDF_BYTES = 20_000_000
PDF_PAGES = 40
PDF_SECONDS = 10.0  # that one PDF may take
SHARE = 3  # files take at most one part in so many of what a model may be told
TEXTS = frozenset(
    {
        "application/json",
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "application/javascript",
        "application/sql",
        "image/svg+xml",
    }
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attached:
    """What is told of the files of a message."""

    text: str = ""
    images: tuple[Image, ...] = ()


async def attached(hub: Hub, turn: Turn, room: int) -> Attached:
    """The files of a turn, in at most a third of ``room`` characters. What cannot be read is only named elsewhere."""
    if not turn.attachments:
        return Attached()
    return await in_thread(_read_all, hub, turn.attachments[:MOST_FILES], room // SHARE)


def _read_all(hub: Hub, files: Sequence[Attachment], room: int) -> Attached:
    texts: list[str] = []
    images: list[Image] = []
    for file in files:
        try:
            path = hub.media.path_of(file)
            if file.media_type.startswith("image/") and file.media_type not in TEXTS:
                try:
                    if len(images) >= MOST_IMAGES:
                        raise Refused(f"only {MOST_IMAGES} pictures are shown at a time")
                    images.append(picture_of(path))
                except Refused as error:
                    texts.append(f"[{file.path} is not shown to you: {error}]")
                continue
            text = _text_of(file.media_type, path)
        except (OSError, Refused) as error:
            _log.debug("%s is not told to the model: %s", file.path, error)
            continue
        if text and (share := room // len(files)) > 0:
            if len(text) > share:
                text = f"{text[:share]}\n[… {len(text) - share} characters left out …]"
            texts.append(marked(text, file.path, hub.policy.key))
    return Attached("\n\n".join(texts), tuple(images))


def picture_of(path: Path) -> Image:
    """A file as a picture. Raises ``OSError``, and ``Refused`` with a sentence for the model."""
    data = _bytes(path, MOST_BYTES)
    if data is None:
        raise Refused(f"it is too large, the most is {MOST_BYTES / 1e6:.2f} MB")
    return picture(data)


def _text_of(media_type: str, path: Path) -> str | None:
    """None for what is no text."""
    if media_type == "application/pdf":
        data = _bytes(path, PDF_BYTES)
        return None if data is None else _of_pdf(data)
    if not media_type.startswith("text/") and media_type not in TEXTS and not media_type.endswith(("+json", "+xml")):
        return None
    data = _bytes(path, TEXT_BYTES)
    return None if data is None else _decoded(data)


def _bytes(path: Path, limit: int) -> bytes | None:
    """None for a file that is larger."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _decoded(data: bytes) -> str | None:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            return None
        text = data.decode("cp1252", errors="replace")
    return None if "\0" in text else text.strip()


def _of_pdf(data: bytes) -> str | None:
    """None where the library for it is not installed (it comes with the integration ``web``), or cannot read it."""
    if importlib.util.find_spec("pypdf") is None:
        return None
    from pypdf import PdfReader

    deadline = time.monotonic() + PDF_SECONDS
    pages = []
    try:
        for number, page in enumerate(PdfReader(BytesIO(data)).pages):
            if number >= PDF_PAGES or time.monotonic() > deadline:
                pages.append("[… further pages left out …]")
                break
            pages.append(page.extract_text())
    except Exception as error:  # a broken file makes the library raise whatever it likes
        _log.debug("a PDF cannot be read: %s: %s", type(error).__name__, error)
    return "\n\n".join(filter(None, (page.strip() for page in pages))) or None
