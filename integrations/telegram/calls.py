"""Calls of the Bot API that concern a chat: in time, to where the chat has gone, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from nanobot.util.secrets import Scrubber

from .connection import seconds
from .meaning import meaning, too_many
from .pace import Pace

T = TypeVar("T")

MOVES = 5  # a group moves once in its life


class Calls:
    """One per bot. ``chat`` is always the id that the hub knows; a group that becomes a supergroup gets another."""

    def __init__(self, bot: Bot, scrubber: Scrubber) -> None:
        self.bot = bot
        self._scrubber = scrubber
        self._pace = Pace()
        self._moved: dict[str, str] = {}

    async def ask(self, chat: str, call: Callable[[int | str], Awaitable[T]], *, messages: int = 1) -> T:
        """The result of ``call(chat_id)``, made when the chat may have another message, or so many.

        Raises ``BadRequest`` for what could be asked in another way, and what ``meaning`` makes of all other errors.
        """
        for _ in range(MOVES):
            home = self.home(chat)
            try:
                async with self._pace.turn(home, messages):
                    return await call(chat_id(home))
            except ChatMigrated as error:
                self._moved[home] = str(error.new_chat_id)
            except RetryAfter as error:
                self._pace.hold(home, seconds(error))
                raise too_many(seconds(error)) from error
            except BadRequest:
                raise
            except TelegramError as error:
                raise self.meaning(error) from error
        raise RecursionError(f"the group {chat} moves in a circle")

    def meaning(self, error: TelegramError) -> Exception:
        """What a failure means for the message; nothing secret is in it."""
        return meaning(error, lambda text: self._scrubber.scrub(text.replace(self.bot.token, "••••")))

    def delay(self, chat: str) -> float:
        """Seconds until the chat may have a message that could as well be left out."""
        return self._pace.delay(self.home(chat), spare=True)

    def home(self, chat: str) -> str:
        """Where a chat is now."""
        for _ in self._moved:
            chat = self._moved.get(chat, chat)
        return chat


def chat_id(chat: str) -> int | str:
    """As Telegram wants it: a number, or the public name of a channel."""
    return int(chat) if chat.removeprefix("-").isdecimal() else chat
