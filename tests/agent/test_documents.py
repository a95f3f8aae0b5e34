"""Files that come with a message: text is told and not believed, pictures are shown to models that see."""

from __future__ import annotations

import base64

import pytest

from nanobot.agent.foreign import OPENING
from nanobot.contracts.channel import Attachment
from nanobot.contracts.model import UNSEEN, Message
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Scripted
from tests.agent.test_pictures import png

PNG = png(4, 3)


def pdf(text: str) -> bytes:
    """One page that says this."""
    stream = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    data, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(data))
    return data + head + table + trailer


async def sent(hub: Hub, chat: Chat, name: str, data: bytes, kind: str | None = None) -> Attachment:
    file = await hub.media.keep("chat", name, data, kind)
    await chat.types("look at this", attachments=(file,))
    return file


def asked(model: Scripted) -> Message:
    """What the person said, as the model reads it."""
    return next(message for message in reversed(model.requests[-1].messages) if message.role == "user")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", "Grüße, the treasure is under the oak".encode(), "text/plain"),
        ("a.txt", "Grüße, the treasure is under the oak".encode("utf-16"), "text/plain"),
        ("a.csv", "Grüße, the treasure is under the oak".encode("cp1252"), "text/csv"),
        ("a.json", '{"x": "Grüße, the treasure is under the oak"}'.encode(), "application/json"),
    ],
    ids=["UTF-8", "UTF-16", "Windows", "JSON"],
)
async def test_a_text_is_told_and_marked_as_words_of_others(
    begin: Begin, hub: Hub, chat: Chat, name: str, data: bytes, kind: str
) -> None:
    model = begin("ok")
    file = await sent(hub, chat, name, data, kind)
    said = asked(model).content
    assert said.startswith(f"look at this\n[file: {file.path} ({kind})]")
    begins, ends = said.index(OPENING), said.rindex("[[end of words of others")
    assert begins < said.index("Grüße, the treasure is under the oak") < ends


async def test_a_pdf_is_told_as_text(begin: Begin, hub: Hub, chat: Chat) -> None:
    pytest.importorskip("pypdf")
    model = begin("ok")
    await sent(hub, chat, "bill.pdf", pdf("Pay 12 coins"))
    assert "Pay 12 coins" in asked(model).content


@pytest.mark.parametrize("data", [b"%PDF-1.4\nnonsense", b"%PDF-1.4\n" + b"\xff" * 5000])
async def test_a_broken_pdf_is_only_named(begin: Begin, hub: Hub, chat: Chat, data: bytes) -> None:
    model = begin("ok")
    file = await sent(hub, chat, "bill.pdf", data)
    assert asked(model).content == f"look at this\n[file: {file.path} (application/pdf)]"


@pytest.mark.parametrize("sees", [True, False])
async def test_a_picture_is_for_models_that_see(begin: Begin, hub: Hub, chat: Chat, sees: bool) -> None:
    model = begin("ok")
    model.sees = sees
    file = await sent(hub, chat, "a.png", PNG)
    said = asked(model)
    told = f"look at this\n[file: {file.path} (image/png)]"
    assert said.content == (told if sees else f"{told}\n\n{UNSEEN}")
    assert [base64.b64decode(image.data) for image in said.images] == ([PNG] if sees else [])
    await chat.types("and now?")
    assert not any(message.images for message in model.requests[-1].messages)


async def test_a_long_text_is_cut_visibly_and_leaves_room_for_the_rest(begin: Begin, hub: Hub, chat: Chat) -> None:
    model = begin("ok", context=2000)
    await sent(hub, chat, "long.txt", b"word " * 20_000)
    said = asked(model).content
    assert "characters left out …]" in said
    assert len(said) < 2000 * 4 / 2


async def test_what_is_no_text_or_is_gone_is_only_named(begin: Begin, hub: Hub, chat: Chat) -> None:
    model = begin("ok")
    gone = Attachment("media/chat/2026-01-01/x_a.txt", "a.txt", "text/plain", 3)
    outside = Attachment("media/../secrets.yaml", "a.txt", "text/plain", 3)
    zipped = await hub.media.keep("chat", "a.zip", b"PK\x03\x04" + b"\0" * 30)
    await chat.types("look", attachments=(gone, outside, zipped))
    assert OPENING not in asked(model).content
    assert asked(model).content.count("[file: ") == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(9000, 2), "9000 × 2 pixels, the most is 8000 on a side"),
        (png(2, 2) + b"\0" * 4_000_000, "it is too large, the most is 3.75 MB"),
        (b"II*\0" + b"\0" * 40, "it is no picture that can be shown (PNG, JPEG, WebP or GIF)"),
    ],
    ids=["pixels", "bytes", "TIFF"],
)
async def test_a_picture_that_cannot_be_shown_is_told_with_the_reason(
    begin: Begin, hub: Hub, chat: Chat, data: bytes, why: str
) -> None:
    model = begin("ok")
    model.sees = True
    file = await sent(hub, chat, "a.png", data)
    assert f"[{file.path} is not shown to you: " in asked(model).content
    assert why in asked(model).content
    assert asked(model).images == ()
