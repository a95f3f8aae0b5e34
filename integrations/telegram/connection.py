"""The connection to Telegram: the bot, what it talks through, and what its errors mean.

The token is part of every address, so neither an address nor a foreign error text goes anywhere unchanged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
from telegram import Bot, User
from telegram.error import InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from nanobot.errors import AuthFailed, NotReady
from nanobot.util.secrets import Scrubber

from .options import BOT_API

CONNECT_LIMIT = 10.0  # s
ANSWER_LIMIT = 20.0  # s
UPLOAD_LIMIT = 120.0  # s
CONNECTIONS = 16
LOGGERS = ("httpx", "telegram.Bot")  # that write down addresses
KINDS = ("message", "callback_query", "my_chat_member")
"""The updates that mean something here; Telegram keeps the others to itself."""

_CLASS = re.compile(r"^httpx\.(\w+): ?")
_WORDS = {
    "ReadError": "the connection broke off",
    "WriteError": "the connection broke off",
    "RemoteProtocolError": "the connection broke off",
    "ConnectError": "no connection",
    "ProxyError": "the proxy does not let it through",
}


class Wire(HTTPXRequest):
    """The library's own, without a log line of the whole text where an answer is no JSON."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Raises ``NetworkError``."""
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:  # halves of characters, which Telegram passes on; or no JSON
            try:
                found = json.loads(payload.decode("utf-8", "replace"))
            except (ValueError, RecursionError) as error:
                raise NetworkError("the answer is not JSON") from error
        if not isinstance(found, dict):
            raise NetworkError("the answer makes no sense")
        return found


class Veil(logging.Filter):
    """Hides the token in the lines of the libraries."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrub = scrubber.scrub

    def filter(self, record: logging.LogRecord) -> bool:
        """Only asked where the line is to be logged at all."""
        record.msg, record.args = self._scrub(record.getMessage()), ()
        return True


class Connection:
    """One bot, as long as its entry lives. Made in a thread: the certificates take tens of milliseconds to load."""

    def __init__(self, config: Mapping[str, Any], scrubber: Scrubber) -> None:
        token = config["token"].reveal()
        scrubber.add(token)
        self._scrub = scrubber.scrub
        self._veil = Veil(scrubber)
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self._veil)
        self.own_server: bool = config["base_url"] != BOT_API
        """Whether the Bot API is not Telegram's: it may serve larger files, and lie on this machine."""
        trust = httpx.create_ssl_context()
        proxy = config.get("proxy")
        self._calls = Wire(
            connection_pool_size=CONNECTIONS,
            connect_timeout=CONNECT_LIMIT,
            read_timeout=ANSWER_LIMIT,
            write_timeout=ANSWER_LIMIT,
            pool_timeout=ANSWER_LIMIT,
            media_write_timeout=UPLOAD_LIMIT,
            proxy=proxy,
            httpx_kwargs={"verify": trust},
        )
        self._polls = Wire(
            connection_pool_size=1,
            connect_timeout=CONNECT_LIMIT,
            pool_timeout=1.0,
            proxy=proxy,
            httpx_kwargs={"verify": trust},
        )
        self.downloads = httpx.AsyncClient(
            verify=trust,
            proxy=proxy,
            timeout=httpx.Timeout(ANSWER_LIMIT, connect=CONNECT_LIMIT),
        )
        """For files, which the library would hold in memory as a whole."""
        self.bot = Bot(
            token,
            base_url=config["base_url"],
            base_file_url=config.get("base_file_url") or f"{config['base_url'].removesuffix('/bot')}/file/bot",
            request=self._calls,
            get_updates_request=self._polls,
        )
        self.me: User | None = None
        """Who the bot is, once Telegram has said so."""

    async def connect(self) -> User:
        """Ask Telegram who the bot is, unless that is known. Raises ``AuthFailed`` and ``NotReady``."""
        if self.me is None:
            with self.told():
                await self.bot.initialize()
            self.me = self.bot.bot
        return self.me

    async def updates(self, offset: int, timeout: float, margin: float) -> list[Any]:
        """What has come since ``offset``, as Telegram wrote it; all before it is acknowledged by this.

        Telegram waits up to ``timeout`` seconds for something to come, and has ``margin`` seconds more to answer.
        Raises the library's errors.
        """
        query = {"timeout": int(timeout), "allowed_updates": orjson.dumps(KINDS).decode()}
        if offset:
            query["offset"] = offset
        # Through ``Bot.get_updates`` one update that cannot be read would take all others with it.
        try:
            found = await self._polls.post(
                f"{self.bot.base_url}/getUpdates?{urlencode(query)}", read_timeout=timeout + margin
            )
        except KeyError as error:
            raise NetworkError("the answer makes no sense") from error
        if not isinstance(found, list):
            raise NetworkError("the answer makes no sense")
        return found

    @contextmanager
    def told(self) -> Iterator[None]:
        """The errors of the library as ours, each a sentence without the token."""
        try:
            yield
        except InvalidToken as error:
            if (other := _of_somebody_else(error)) is not None:
                raise NotReady(f"Telegram cannot be reached: {self.why(other)}") from error
            where = ", or 'base_url' leads to something else than a Bot API server" if self.own_server else ""
            raise AuthFailed(
                f"Telegram refused the token{where}. Copy it again from @BotFather, or have it make a new one"
            ) from error
        except RetryAfter as error:
            wait = seconds(error)
            raise NotReady(f"Telegram wants to be left alone for {wait:g} s", retry_after=wait) from error
        except TelegramError as error:
            raise NotReady(f"Telegram cannot be reached: {self.why(error)}") from error

    def why(self, error: BaseException) -> str:
        """What went wrong, for people: an error of the library in a few words, without the token."""
        return self._scrub(reason(error))

    async def close(self) -> None:
        """End all connections."""
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self._veil)
        await asyncio.gather(self._calls.shutdown(), self._polls.shutdown(), self.downloads.aclose())


def number_of(bot: Bot) -> str:
    """The number of a bot's account, which its token begins with."""
    return bot.token.partition(":")[0]


def _of_somebody_else(error: BaseException | None) -> BaseException | None:
    """The answer 401 or 404 of something that is no Bot API server, such as a proxy before one; else None."""
    while error is not None and not isinstance(error.__cause__, NetworkError):
        error = error.__cause__
    return error


def reason(error: BaseException) -> str:
    """What went wrong, in a few words, from an error of the library. The token may be part of it."""
    if isinstance(error, TimedOut):
        return "no answer in time"
    text = str(error).partition(". Parsing the server response")[0].strip().partition("\n")[0][:160]
    found = _CLASS.match(text)
    if found is None:
        return text or type(error).__name__
    detail = text[found.end() :]
    words = _WORDS.get(found[1], found[1])
    return f"{words} ({detail})" if detail else words


def seconds(error: RetryAfter) -> float:
    """How long Telegram wants to be left alone."""
    return error._retry_after.total_seconds()  # noqa: SLF001 - the public one warns of what it will be one day
