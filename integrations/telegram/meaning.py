"""What an error of Telegram means for a message: surely not delivered, never to be delivered, or not known."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from nanobot.errors import NanobotError, NotReady, Refused

from .connection import reason, seconds

BEFORE_ANYTHING_WAS_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

_NEVER = {
    "blocked by the user": "the person has blocked the bot",
    "user is deactivated": "the account does not exist any more",
    "can't initiate conversation": "the person has to write to the bot first",
    "kicked from": "the bot was removed from the group",
    "is not a member": "the bot is not in the group",
    "group chat was deactivated": "the group does not exist any more",
    "chat not found": "Telegram knows no such chat, or the bot was never in it",
    "peer_id_invalid": "Telegram knows no such chat, or the bot was never in it",
    "topic_closed": "the topic is closed",
    "not enough rights": "the bot may not write there",
    "have no rights": "the bot may not write there",
    "chat_write_forbidden": "the bot may not write there",
    "request entity too large": "the file is too large for Telegram",
    "content too large": "the file is too large for Telegram",
    "file is too big": "the file is too large for Telegram",
}
"""By a part of Telegram's own words, in small letters."""


def meaning(error: TelegramError, scrub: Callable[[str], str]) -> NanobotError:
    """``NotReady``: surely not delivered. ``Refused``: never will be. Any other: may have been delivered.

    A gateway that answers 502 may have passed the message on before, as may a connection that broke off later.
    """
    text = scrub(reason(error))
    if isinstance(error, RetryAfter):
        return too_many(seconds(error))
    if (sentence := never(error)) is not None:
        return Refused(sentence)
    if isinstance(error, (Forbidden, BadRequest)):
        return Refused(f"Telegram does not take it: {text}")
    if isinstance(error, InvalidToken):
        return NotReady("Telegram refuses the token of the bot")
    cause = error.__cause__
    if isinstance(error, Conflict) or isinstance(cause, BEFORE_ANYTHING_WAS_SENT):
        return NotReady(f"Telegram cannot be reached: {text}")
    if isinstance(error, NetworkError) and isinstance(cause, RuntimeError):  # how httpx says that it is closed
        return NotReady("the connection to Telegram is closed")
    return NanobotError(f"Telegram did not say whether it took the message: {text}")


def never(error: TelegramError) -> str | None:
    """Why Telegram will never take anything like this in this chat, where that is what the error says."""
    text = str(error).lower()
    return next((sentence for part, sentence in _NEVER.items() if part in text), None)


def too_many(seconds: float) -> NotReady:
    """Telegram wants to be left alone for a while."""
    return NotReady(f"Telegram wants to be left alone for {seconds:g} s", retry_after=seconds)
