"""The person's side of the simulated Telegram: writes to the bot, reads the chat, and breaks what Telegram does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import aiohttp

_IDS = itertools.count(2000)  # 1000 is the bot


class Phone:
    """All people and groups of one simulator. A chat with the bot exists once somebody has written in it."""

    def __init__(self, info: Mapping[str, Any], session: aiohttp.ClientSession) -> None:
        self.info = info
        self._session = session

    @property
    def config(self) -> dict[str, Any]:
        """What the bot needs to talk to this Telegram."""
        return {"token": self.info["token"], "base_url": self.info["base_url"]}

    async def new_chat(self, *, group: bool = False) -> str:
        """The id of a chat that nobody has used before."""
        chat = str((-1 if group else 1) * next(_IDS))
        await self.says(chat, "hello")
        return chat

    async def says(self, chat: str, text: str, **more: Any) -> dict[str, Any]:
        """Somebody writes; gives Telegram's message."""
        return dict(await self._tell("message", chat_id=int(chat), text=text, **more))

    async def presses(self, chat: str, message: Mapping[str, Any], data: str) -> None:
        """Somebody presses a button."""
        await self._tell("callback", chat_id=int(chat), message_id=message["message_id"], data=data)

    async def removes_bot(self, chat: str) -> None:
        """The person blocks the bot, or the group throws it out."""
        await self._tell("member", chat_id=int(chat), status="kicked")

    async def upgrades(self, chat: str) -> str:
        """The group becomes a supergroup; gives its new id."""
        return str((await self._tell("migrate", chat_id=int(chat)))["chat_id"])

    async def fault(self, method: str = "sendMessage", **what: Any) -> None:
        """The next call of this method fails: ``status``, ``description``, ``retry_after``, ``delay`` or ``drop``."""
        await self._tell("fault", method=method, **what)

    async def chat(self, chat: str) -> list[dict[str, Any]]:
        """What the bot's messages in a chat are now."""
        messages = await self._get(f"chat/{chat}")
        return [message for message in messages if message["from"]["is_bot"]]

    async def texts(self, chat: str) -> list[str]:
        """What a person reads of the bot."""
        return [message.get("text") or message.get("caption") or "" for message in await self.chat(chat)]

    async def calls(self, chat: str, *methods: str) -> list[dict[str, Any]]:
        """The calls of the Bot API for a chat, those that were refused among them."""
        return [
            call
            for call in await self._get("calls")
            if str(call["args"].get("chat_id")) == chat and (not methods or call["method"] in methods)
        ]

    async def receives(self, chat: str, count: int, *, within: float = 15.0) -> list[dict[str, Any]]:
        """The bot's messages, once there are so many."""
        found = await self._tell("wait", chat_id=int(chat), count=count, timeout=within)
        assert len(found) >= count, f"only {len(found)} of {count} messages came: {found}"
        return list(found)

    async def until(self, chat: str, text: str, *, within: float = 15.0) -> list[str]:
        """What a person reads, once one of the texts is this one."""
        async with asyncio.timeout(within):
            while text not in (found := await self.texts(chat)):
                await asyncio.sleep(0.05)  # an edit cannot be waited for
        return found

    async def _tell(self, path: str, **data: Any) -> Any:
        async with self._session.post(f"{self.info['sim']}/{path}", json=data) as response:
            found = await response.json()
            assert response.status == 200, found
            return found

    async def _get(self, path: str) -> Any:
        async with self._session.get(f"{self.info['sim']}/{path}") as response:
            return await response.json()
