"""Texts are read as soon as they are there, all else is left to aiohttp: nothing is lost, and nothing overtakes."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from integrations.websocket_api.connection import TURN
from integrations.websocket_api.frames import Frames
from integrations.websocket_api.outbox import Rounds

from .test_frames import CLOSE, PING, TEXT, frame, say


class Client:
    """What comes of bytes: by ``Frames``, and by a plain reader of what it leaves."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.left = bytearray()
        self.pieces = bytearray()
        self.frames = Frames(Rounds())
        self.frames.take = self.take
        self.frames.is_ready = True

    def take(self, message: Any) -> bool:
        if message["id"] < 0:
            return False
        self.heard.append(("now", message["id"]))
        return True

    def says(self, data: bytes) -> None:
        self.left += self.frames.feed(data)
        while (found := whole(self.left)) is not None:
            first, payload, size = found
            del self.left[:size]
            if first & 0x0F >= CLOSE:
                self.heard.append(("control", bytes(payload)))
                continue
            self.pieces += payload
            if first & 0x80:
                self.heard.append(("later", orjson.loads(self.pieces)["id"]))
                self.pieces.clear()
                self.frames.is_ready = True


def whole(data: bytearray) -> tuple[int, bytes, int] | None:
    """The first byte, the payload and the size of the frame that ``data`` begins with."""
    if len(data) < 2:
        return None
    length, head = data[1] & 0x7F, 2
    if length > 125:
        more = 2 if length == 126 else 8
        length, head = int.from_bytes(data[2 : 2 + more], "big"), 2 + more
    masked = bool(data[1] & 0x80)
    end = head + 4 * masked + length
    if len(data) < end:
        return None
    payload = bytes(data[end - length : end])
    if masked:
        key = data[head : head + 4]
        payload = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    return data[0], payload, end


STORY = b"".join(
    [
        frame(TEXT, say({"id": 1})),
        frame(TEXT, say({"id": 2, "long": "x" * 200})),
        frame(TEXT, b'{"id":', last=False),
        frame(PING, b"there?"),
        frame(0, b"3}"),
        frame(TEXT, say({"id": 4})),
        frame(TEXT, say({"id": -5})),  # one that has to wait
        frame(TEXT, say({"id": 6}), masked=False),
        frame(TEXT, say({"id": 7})),
        frame(PING, b""),
        frame(TEXT, say({"id": 8})),
    ]
)
ORDER = [1, 2, 3, 4, -5, 6, 7, 8]


def ids(client: Client) -> list[Any]:
    return [what for how, what in client.heard if how != "control"]


@pytest.mark.parametrize("at", range(1, len(STORY), 7))
def test_wherever_the_bytes_are_cut_all_messages_come_in_their_order(at: int) -> None:
    client = Client()
    client.says(STORY[:at])
    client.says(STORY[at:])
    assert ids(client) == ORDER
    assert [what for how, what in client.heard if how == "control"] == [b"there?", b""]
    assert not client.left


def test_in_crumbs_they_come_as_well() -> None:
    chance = random.Random(5)
    for _ in range(50):
        client, at = Client(), 0
        while at < len(STORY):
            size = chance.randint(1, 40)
            client.says(STORY[at : at + size])
            at += size
        assert ids(client) == ORDER


def test_what_is_usual_is_done_at_once() -> None:
    client = Client()
    client.says(STORY[: len(frame(TEXT, say({"id": 1})))])
    assert client.heard == [("now", 1)]


def test_after_what_has_to_wait_everything_waits() -> None:
    client = Client()
    rest = client.frames.feed(frame(TEXT, say({"id": -1})) + frame(TEXT, say({"id": 2})))
    assert client.heard == []
    assert not client.frames.is_ready
    assert client.frames.feed(frame(TEXT, say({"id": 3})))
    assert len(rest) == len(frame(TEXT, say({"id": -1})) + frame(TEXT, say({"id": 2})))


def test_nobody_has_more_than_a_turn() -> None:
    client = Client()
    client.says(b"".join(frame(TEXT, say({"id": number})) for number in range(TURN + 10)))
    assert [how for how, _ in client.heard] == ["now"] * TURN + ["later"] * 10
    assert ids(client) == list(range(TURN + 10))


@pytest.mark.parametrize("payload", [b"{", b"\xff\xfe", b""])
def test_what_is_no_json_is_left_as_it_came(payload: bytes) -> None:
    data = frame(TEXT, payload)
    assert Client().frames.feed(data) == data


def test_a_large_message_is_left_while_it_comes() -> None:
    client = Client()
    data = frame(TEXT, say({"id": 1, "text": "x" * 200_000}))
    for at in range(0, len(data), 65536):
        client.says(data[at : at + 65536])
    client.says(frame(TEXT, say({"id": 2})))
    assert client.heard == [("later", 1), ("now", 2)]
