"""Pictures that models are shown: told by their bytes, and within what providers take."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from nanobot.agent.models.pictures import MOST_BYTES, picture, size_of
from nanobot.errors import Refused


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\xff\0\0" * width for _ in range(min(height, 10))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    comment = b"\xff\xfe" + struct.pack(">H", 300) + b"x" * 298
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"ab"
    frame = b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + comment + tables + frame + b"\xff\xda" + b"\0" * 20


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0" * 20


def webp(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0" * 4 + sides + b"\0" * 10)


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + b"\0" * 10)


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0" * 10)


MAKERS = {"image/png": png, "image/jpeg": jpeg, "image/gif": gif}
WEBP = {"extended": extended, "lossless": lossless, "lossy": lossy}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_a_picture_is_and_how_large_is_told_by_its_bytes(kind: str) -> None:
    data = MAKERS[kind](640, 480)
    image = picture(data)
    assert image.media_type == kind
    assert base64.b64decode(image.data) == data
    assert size_of(data, kind) == (640, 480)


@pytest.mark.parametrize("how", WEBP)
def test_each_kind_of_webp(how: str) -> None:
    data = WEBP[how](1000, 30)
    assert picture(data).media_type == "image/webp"
    assert size_of(data, "image/webp") == (1000, 30)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello", "it is no picture that can be shown"),
        (b"<svg/>", "it is no picture that can be shown"),
        (b"", "it is no picture that can be shown"),
        (png(9000, 10), "9000 × 10 pixels, the most is 8000 on a side"),
        (gif(0, 10), "it is damaged"),
        (png(10, 10)[:20], "it is damaged"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "it is damaged"),
        (b"\xff\xd8\xff\xc0\x00", "it is damaged"),
        (lossy(10, 10)[:20], "it is damaged"),
        (png(10, 10) + b"\0" * MOST_BYTES, "it is too large to be shown: 3.8 MB, the most is 3.75 MB"),
    ],
    ids=range(10),
)
def test_what_no_provider_would_take_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Refused) as caught:
        picture(data)
    assert why in str(caught.value)
