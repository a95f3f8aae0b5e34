"""Pictures as models take them: what a file really is, how large it is, and which ones no provider would take."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from nanobot.contracts.model import Image
from nanobot.errors import Refused
from nanobot.util.file_kind import HEAD, media_type_of

TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
MOST_BYTES = 3_750_000  # of one; in base64 it is the 5 MB that Anthropic takes, and others take more
MOST_PIXELS = 8000  # on a side
TOKENS = 1500  # that providers count for one of usual size, about

_NO_SIZE = (0xC4, 0xC8, 0xCC)
"""Of the markers of JPEG from C0 to CF those that tell no size (ITU T.81, table B.1)."""


def picture(data: bytes) -> Image:
    """A file as a picture. Raises ``Refused`` with a sentence for the model: why it cannot be shown."""
    kind = media_type_of(data[:HEAD])
    if kind not in TYPES:
        raise Refused("it is no picture that can be shown (PNG, JPEG, WebP or GIF)")
    if len(data) > MOST_BYTES:
        raise Refused(f"it is too large to be shown: {len(data) / 1e6:.1f} MB, the most is {MOST_BYTES / 1e6:.2f} MB")
    size = size_of(data, kind)
    if size is None or 0 in size:
        raise Refused("it is damaged")
    if max(size) > MOST_PIXELS:
        raise Refused(f"it is too large to be shown: {size[0]} × {size[1]} pixels, the most is {MOST_PIXELS} on a side")
    return Image(kind, base64.b64encode(data).decode("ascii"))


def size_of(data: bytes, kind: str) -> tuple[int, int] | None:
    """Width and height, None where the file does not tell. Only its headers are read."""
    try:
        match kind:
            case "image/png":
                return (_big(data[16:20]), _big(data[20:24])) if data[12:16] == b"IHDR" and len(data) >= 24 else None
            case "image/gif":
                return (_little(data[6:8]), _little(data[8:10])) if len(data) >= 10 else None
            case "image/webp":
                return _of_webp(data)
            case "image/jpeg":
                return next(_of_jpeg(data), None)
    except IndexError:
        pass
    return None


def _of_webp(data: bytes) -> tuple[int, int] | None:
    """Lossy, lossless and extended files have three different headers (RFC 9649, section 2)."""
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return _little(data[24:27]) + 1, _little(data[27:30]) + 1
        case b"VP8L":
            bits = _little(data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return None


def _of_jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # filling
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            yield _big(data[place + 7 : place + 9]), _big(data[place + 5 : place + 7])
            return
        place += 2 + max(2, _big(data[place + 2 : place + 4]))


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
