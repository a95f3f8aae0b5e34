"""People who write to the bot in Telegram, each message with a number of its own, and what they read there.

The number stands at both ends of a message, and the model repeats it, so a whole answer is told from the beginning
of one.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

FIRST_CHAT = 1001
TAG = re.compile(r"\bm(\d+)\b")
END = re.compile(r"\bend(\d+)\b")
PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200) + b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Read:
    """A message of the bot as it stands in the chat. ``number``: of the message it answers, when it is whole."""

    text: str
    number: int | None
    answers: int | None


class People:
    """``chats`` of them, each alone with the bot."""

    def __init__(self, server: dict[str, Any], session: aiohttp.ClientSession, chats: int) -> None:
        self.chats = range(FIRST_CHAT, FIRST_CHAT + chats)
        self.typed: dict[int, list[int]] = defaultdict(list)
        self.count = 0
        self._server = server
        self._session = session

    async def types(self, chat: int, text: str) -> None:
        """Send a message; its number takes the place of NUMBER in it, and the text "photo" comes with one."""
        await self._sim("message", self._message(chat, text))

    async def type(self, messages: Iterable[tuple[int, str]]) -> None:
        """Send many, each with its chat, in order."""
        await self._sim("messages", {"messages": [self._message(chat, text) for chat, text in messages]})

    async def slow_download(self, seconds: float) -> None:
        """Have the platform take its time with the next file."""
        await self._sim("fault", {"method": "getFile", "delay": seconds})

    async def reads(self, chat: int) -> list[Read]:
        """What the bot has said in a chat, as it stands there now, in order."""
        async with self._session.get(f"{self._server['sim']}/chat/{chat}") as response:
            messages = await response.json()
        return [_read(message) for message in messages if message["from"]["is_bot"]]

    async def unanswered(self, chat: int) -> set[int]:
        """The numbers of a chat that no whole answer has."""
        return set(self.typed[chat]) - {read.number for read in await self.reads(chat) if read.number is not None}

    async def pending(self) -> int:
        """Messages that the platform still keeps for the bot."""
        url = f"{self._server['base_url']}{self._server['token']}/getWebhookInfo"
        async with self._session.get(url) as response:
            return int((await response.json())["result"]["pending_update_count"])

    def _message(self, chat: int, text: str) -> dict[str, Any]:
        self.count += 1
        self.typed[chat].append(self.count)
        whole = f"m{self.count} {text.replace('NUMBER', str(self.count))} end{self.count}"
        if text != "photo":
            return {"chat_id": chat, "text": whole}
        media = {"kind": "photo", "name": "photo.jpg", "base64": base64.b64encode(PHOTO).decode()}
        return {"chat_id": chat, "caption": whole, "media": media}

    async def _sim(self, what: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self._server['sim']}/{what}", json=body) as response:
            response.raise_for_status()
            return await response.json()


def _read(message: dict[str, Any]) -> Read:
    text = message.get("text") or message.get("caption") or ""
    begins, ends = TAG.search(text), END.search(text)
    whole = begins and ends and begins[1] == ends[1]
    answers = (message.get("reply_to_message") or {}).get("message_id")
    return Read(text, int(begins[1]) if begins and whole else None, answers)
