"""What a file is and what it may be called: told by its bytes, and never taken at its word where they can tell."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

HEAD = 64
"""Bytes from the beginning of a file that ``media_type_of`` looks at."""
UNKNOWN = "application/octet-stream"
NAME_BYTES = 100  # of the longest name; some file systems take no more than 143, and an id stands before it

_BEGINS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xfa", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_IN_ZIP = re.compile(
    r"application/(?:vnd\.openxmlformats-.+|vnd\.oasis\.opendocument\..+|epub\+zip|java-archive|.+\+zip"
    r"|vnd\.android\.package-archive)"
)
"""Formats that are zip archives inside."""
_BY_BYTES_ALONE = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/tiff", "image/webp", "application/pdf", "application/zip"}
    | {"application/gzip", "application/x-7z-compressed", "audio/flac", "audio/ogg", "audio/wav", "video/webm"}
)
"""Each file of these shows it; one that does not is something else, whatever it is called."""
_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+_-]{0,100}")


def media_type_of(head: bytes, given: str | None = None, name: str = "") -> str:
    """The media type of a file: by its first ``HEAD`` bytes, else as ``given``, else by its ``name``.

    May block the first time: the system's list of types is read.
    """
    shown = _shown(head)
    told = next((kind for kind in (_plain(given), _by_name(name)) if kind), None)
    if shown == "application/zip" and told is not None and _IN_ZIP.fullmatch(told):
        return told
    if shown is not None:
        return shown
    return UNKNOWN if told is None or told in _BY_BYTES_ALONE else told


def safe_name(name: str) -> str:
    """A name for a file, and for people to read, made of one that anybody may have chosen.

    The last part of a path, without what cannot be seen, steers a terminal or means something to a file system;
    at most ``NAME_BYTES`` long in UTF-8, with its ending kept where that is short.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(character if character.isprintable() else " " for character in unicodedata.normalize("NFC", last))
    clean = re.sub(r'[<>:"|?*\s]+', " ", seen).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending.encode()) > 10:
        stem, dot, ending = clean, "", ""
    return (_cut(stem, NAME_BYTES - len((dot + ending).encode())) + dot + ending) or "file"


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore").rstrip(" .")


def _shown(head: bytes) -> str | None:
    for begin, kind in _BEGINS:
        if head.startswith(begin):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"OggS"):
        return "video/ogg" if b"theora" in head[:HEAD] else "audio/ogg"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:HEAD] else "video/x-matroska"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return None


def _plain(given: str | None) -> str | None:
    """Without parameters; None for what is no type or says nothing."""
    kind = (given or "").partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) and kind != UNKNOWN else None


def _by_name(name: str) -> str | None:
    return _plain(mimetypes.guess_type(f"_{name}".replace(":", "_"), strict=False)[0])
