"""The options of the integration: what may stand under ``telegram:``, and what is wrong with what may not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.util.secrets import Secret
from nanobot.util.text import shorten

EVERYBODY = "*"
BOT_API = "https://api.telegram.org/bot"
LONGEST_POLL = timedelta(seconds=50)  # what Telegram allows

_NUMBER = re.compile(r"-?\d{1,18}")
_TOKEN = re.compile(r"\d+:\S+")


def bot_token(token: Secret) -> Secret:
    """What @BotFather gives; never part of an error."""
    if not _TOKEN.fullmatch(token.reveal()):
        raise vol.Invalid("is not the token of a bot; it looks like 123456789:AAF…, and @BotFather gives it to you")
    return token


def sender(value: Any) -> str:
    """The number of an account, that of a group (negative), or ``*`` for everybody."""
    text = str(value).strip()
    if text == EVERYBODY or (_NUMBER.fullmatch(text) and not isinstance(value, bool)):
        return text
    if isinstance(value, str) and text:
        raise vol.Invalid(
            f"{shorten(text)} is a name, and names can change hands; write the number of the account. To find it, send"
            " the bot a message: the log names the number of whoever was not let in"
        )
    raise vol.Invalid(f"{shorten(value)} is neither the number of an account nor that of a group, nor '*'")


def bot_api(address: str) -> str:
    """The address of a Bot API server, up to where the token follows."""
    address = address.rstrip("/")
    return address if address.endswith("/bot") else f"{address}/bot"


def poll_timeout(period: timedelta) -> timedelta:
    """How long Telegram may hold a question for new messages."""
    if not timedelta(seconds=1) <= period <= LONGEST_POLL:
        raise vol.Invalid(f"has to be between 1 and {LONGEST_POLL.total_seconds():g} seconds")
    return period


SCHEMA = vol.Schema(
    {
        vol.Required("token"): vol.All(cv.secret, bot_token),
        vol.Optional("allow", default=list): vol.All(cv.ensure_list, [sender]),
        vol.Optional("pairing", default=True): cv.boolean,
        vol.Optional("groups", default="mention"): cv.one_of("mention", "all", "none"),
        vol.Optional("streaming", default=True): cv.boolean,
        vol.Optional("commands", default=True): cv.boolean,
        vol.Optional("poll_timeout", default=timedelta(seconds=30)): vol.All(cv.positive_time_period, poll_timeout),
        vol.Optional("proxy"): cv.url,
        vol.Optional("base_url", default=BOT_API): vol.All(cv.url, bot_api),
        vol.Optional("base_file_url"): cv.url,
    }
)

IN_PLACE = frozenset({"allow", "pairing", "groups", "streaming"})
"""What can change while messages come in."""
