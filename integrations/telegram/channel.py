"""The channel: what comes in through the poller and the intake, what goes out through the sender."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from telegram import User
from telegram.error import TelegramError

from nanobot.contracts.channel import Channel, Limits, Outgoing, Receipt, Receive
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.util.backoff import Backoff

from . import menu
from .connection import Connection
from .intake import Intake
from .polling import Poller
from .sending import Sender

SILENCE = 45.0  # s that an answer may be late before the poll counts as hung


class TelegramChannel(Channel):
    """One bot."""

    limits = Limits(characters=4096, utf16=True, attachments=10, attachment_bytes=50 * 1024 * 1024, buttons=True)
    backoff = Backoff(limit=30.0)
    """Asking an absent Telegram costs nothing, and whoever writes meanwhile should not wait for minutes."""

    def __init__(self, entry: Entry, connection: Connection) -> None:
        super().__init__(entry.id)
        self._entry = entry
        self._connection = connection
        self._options: dict[str, Any] = {}
        self._moved: dict[str, str] = {}
        self.configure(entry.config)
        timeout = entry.config["poll_timeout"].total_seconds()
        self.silent_for = timeout + SILENCE
        self.sender = Sender(connection.bot, entry, entry.hub, self._options)
        self.poller = Poller(connection, entry, timeout)
        self.intake = Intake(connection, entry, self, self._options, self._group_moved)
        self._offered = False

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over what may change at any time. Both halves look into the same options."""
        self._options.update(config)
        self.pairing = config["pairing"]
        named = frozenset(config["allow"])
        self._moved = {old: new for old, new in self._moved.items() if old in named and new not in named}
        self.allow = named | set(self._moved.values())
        if not self._moved:
            self._entry.resolve("group_moved")

    async def run(self, receive: Receive) -> None:
        """Receive until cancelled."""
        me = await self._connection.connect()
        if not self._offered:
            self._offered = True
            self._introduce(me)
        await self.poller.run(partial(self.intake.take, receive))

    async def send(self, message: Outgoing) -> Receipt:
        """Send one message."""
        return await self.sender.send(message)

    async def typing(self, chat: str, thread: str | None = None) -> None:
        """Show "typing…" for some seconds."""
        await self.sender.typing(chat, thread)

    def _introduce(self, me: User) -> None:
        self._entry.log.info("this is @%s (%d)", me.username, me.id)
        if self._options["groups"] == "all" and not me.can_read_all_group_messages:
            self._entry.log.warning(
                "groups is 'all', but Telegram shows this bot only what is meant for it; to change that, send"
                " /setprivacy to @BotFather, and add the bot to the group anew"
            )
        if self._options["commands"]:
            self._entry.spawn(self._offer_commands(), "commands")

    async def _offer_commands(self) -> None:
        try:
            await menu.publish(self._connection.bot, self._entry.hub.language)
        except TelegramError as error:
            why = self._connection.why(error)
            self._entry.log.info("Telegram was not told the commands (%s); at the next start it is", why)

    def _group_moved(self, old: str, new: str) -> None:
        """A group became a supergroup, and got a new id by that."""
        self._entry.log.warning("the group %s has become a supergroup with the id %s", old, new)
        if old in self.allow and new not in self.allow:
            self._moved[old] = new
            self.allow |= {new}
            self._entry.issue("group_moved", severity=Severity.WARNING, old=old, new=new)
