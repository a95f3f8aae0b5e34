"""Pieces: what becomes of a message that one message of the platform cannot carry as it is.

A letter may be cut again after a crash, or when a file of it is gone: the number of a piece that was sent always stays
that of the same piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nanobot.contracts.channel import Attachment, Limits
from nanobot.conversations.choices import with_choices
from nanobot.errors import Refused
from nanobot.storage.media import Media
from nanobot.util.split import split, utf16_units
from nanobot.util.translate import translate


@dataclass(frozen=True, slots=True)
class Piece:
    """What one message carries."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    buttons: tuple[str, ...] = ()


def cut(whole: Piece, cut_at: int, limits: Limits, lost: Mapping[str, str], sent: int) -> list[Piece]:
    """The pieces of a letter. Attachments go with the last text, or after it; buttons with the last piece of text.

    ``cut_at``: the most characters of one, below 0 the most UTF-16 units. ``lost``: paths of files that cannot be sent,
    each with the line that takes its place. ``sent``: so many pieces are with the reader already.
    """
    text, files, buttons = whole.text, whole.attachments, whole.buttons
    if not files and not buttons and _fits(text, cut_at):
        return [whole]
    if files and limits.attachments < 1:  # better a name than silence
        text, files = _lines(text, *(f"[{file.name}]" for file in files)), ()
    if buttons and not limits.buttons:
        text, buttons = with_choices(text, buttons), ()
    *texts, last = _split(text, cut_at) or [""]
    first, *others = _groups(files, max(1, limits.attachments))
    pieces = [*map(Piece, texts), Piece(last, first), *(Piece("", group) for group in others)]
    if buttons:
        place = len(texts) if last else len(pieces) - 1
        pieces[place] = replace(pieces[place], buttons=buttons)
    return _without(pieces, lost, cut_at, sent) if lost else pieces


def lost_files(media: Media, files: Sequence[Attachment], limits: Limits, language: str) -> dict[str, str]:
    """The files that are not there (any more) or too large, each with the line that takes its place. Blocks."""
    lost = {}
    for file in files:
        try:
            if media.path_of(file).stat().st_size > limits.attachment_bytes:
                lost[file.path] = translate("chat.file_too_large", language, name=file.name)
        except (Refused, OSError):
            lost[file.path] = translate("chat.file_gone", language, name=file.name)
    return lost


def _without(pieces: list[Piece], lost: Mapping[str, str], cut_at: int, sent: int) -> list[Piece]:
    """A line for each file that is lost, in its own piece; where that would be too long, behind all others."""
    kept: list[Piece] = []
    behind: list[str] = []
    rest: list[str] = []
    for number, piece in enumerate(pieces, 1):
        lines = [lost[file.path] for file in piece.attachments if file.path in lost]
        if lines and number > sent:
            text = _lines(piece.text, *lines)
            if piece.text and not _fits(text, cut_at):
                text, behind = piece.text, [*behind, *lines]
            elif not piece.text:
                text, *more = _split(text, cut_at)
                rest += more
            there = tuple(file for file in piece.attachments if file.path not in lost)
            piece = replace(piece, text=text, attachments=there)
        kept.append(piece)
    return kept + [Piece(text) for text in (*_split("\n".join(behind), cut_at), *rest)]


def _lines(*lines: str) -> str:
    return "\n".join(lines).strip()


def _groups(files: tuple[Attachment, ...], size: int) -> list[tuple[Attachment, ...]]:
    return [files[i : i + size] for i in range(0, len(files), size)] or [()]


def _fits(text: str, cut_at: int) -> bool:
    return len(text) <= abs(cut_at) and (cut_at > 0 or utf16_units(text) <= -cut_at)


def _split(text: str, cut_at: int) -> list[str]:
    return split(text, abs(cut_at), utf16=cut_at < 0)
