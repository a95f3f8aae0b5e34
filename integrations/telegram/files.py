"""Files on their way to Telegram: as what each of them is shown, which of them go together, and how they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from telegram import Bot, InputFile, InputMediaPhoto, InputMediaVideo, Message

from nanobot.contracts.channel import Attachment
from nanobot.errors import Refused
from nanobot.storage.media import Media
from nanobot.util.aio import in_thread

MEGABYTE = 1024 * 1024
FILE_LIMIT = 50 * MEGABYTE  # https://core.telegram.org/bots/api#sending-files
PHOTO_LIMIT = 10 * MEGABYTE
ALBUM = 10  # photos and videos that can stand together
UPLOAD_LIMIT = 120.0  # s that Telegram may take to answer: it looks at what it got

PHOTO, VIDEO, ANIMATION, VOICE, AUDIO, DOCUMENT = "photo", "video", "animation", "voice", "audio", "document"
_KINDS = {
    "image/jpeg": PHOTO,
    "image/png": PHOTO,
    "image/webp": PHOTO,
    "image/gif": ANIMATION,
    "video/mp4": VIDEO,
    "audio/ogg": VOICE,
    "audio/opus": VOICE,
    "audio/mpeg": AUDIO,
    "audio/mp4": AUDIO,
    "audio/x-m4a": AUDIO,
    "audio/aac": AUDIO,
}
"""What Telegram can show or play; all else is a document."""
_MEDIA = {PHOTO: InputMediaPhoto, VIDEO: InputMediaVideo}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and as what it is sent."""

    kind: str
    name: str
    path: Path

    def as_document(self) -> Upload:
        """The same file for the reader to download, as it is."""
        return replace(self, kind=DOCUMENT)


def uploads(media: Media, attachments: Sequence[Attachment]) -> tuple[list[Upload], list[str]]:
    """The files behind attachments, and the names of empty ones, which Telegram does not take. Blocks.

    Raises ``Refused`` for one that is gone or too large.
    """
    found = [(attachment.name, _upload(media, attachment)) for attachment in attachments]
    return [upload for _, upload in found if upload], [name for name, upload in found if upload is None]


def albums(files: Sequence[Upload]) -> list[list[Upload]]:
    """The files in the messages that they make: photos and videos together, each of the others alone."""
    shown = [file for file in files if file.kind in _MEDIA]
    groups = [shown[start : start + ALBUM] for start in range(0, len(shown), ALBUM)]
    return [*groups, *([file] for file in files if file.kind not in _MEDIA)]


@asynccontextmanager
async def opened(files: Sequence[Upload]) -> AsyncIterator[list[InputFile]]:
    """The files to be read while they are sent, piece by piece."""
    with ExitStack() as stack:
        handles = []
        for file in files:
            try:
                handle = stack.enter_context(await in_thread(file.path.open, "rb"))
            except OSError as error:
                raise Refused(f"the file {file.name} cannot be read: {error.strerror}") from error
            handles.append(InputFile(handle, file.name, attach=len(files) > 1, read_file_handle=False))
        yield handles


async def send(bot: Bot, files: Sequence[Upload], caption: dict[str, Any], where: dict[str, Any]) -> Message:
    """Send one file, or an album of several; ``caption`` and ``where`` are arguments of the Bot API. Gives the last."""
    async with opened(files) as handles:
        if len(files) == 1:
            (file,) = files
            if file.kind == DOCUMENT:
                where = {**where, "disable_content_type_detection": True}
            method = getattr(bot, f"send_{file.kind}")
            sent: Message = await method(
                **{file.kind: handles[0]}, **caption, **where, read_timeout=UPLOAD_LIMIT, write_timeout=UPLOAD_LIMIT
            )
            return sent
        items = [
            _MEDIA[file.kind](handle, **(caption if number == 0 else {}))
            for number, (file, handle) in enumerate(zip(files, handles, strict=True))
        ]
        place = {name: value for name, value in where.items() if name != "reply_markup"}  # an album has no buttons
        all_sent = await bot.send_media_group(
            media=items, **place, read_timeout=UPLOAD_LIMIT, write_timeout=UPLOAD_LIMIT
        )
        return all_sent[-1]


def _upload(media: Media, attachment: Attachment) -> Upload | None:
    path = media.path_of(attachment)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Refused(f"the file {attachment.name} is no longer there") from error
    if size > FILE_LIMIT:
        raise Refused(
            f"the file {attachment.name} has {size / MEGABYTE:.0f} MB; Telegram takes {FILE_LIMIT // MEGABYTE}"
        )
    if size == 0:
        return None
    kind = _KINDS.get(attachment.media_type.partition(";")[0].strip().lower(), DOCUMENT)
    if kind == PHOTO and size > PHOTO_LIMIT:
        kind = DOCUMENT
    return Upload(kind, attachment.name, path)
