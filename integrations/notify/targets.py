"""All targets: entities that show when something was last sent to them, and the way of a message to its chats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.entity import UNKNOWN, Entity
from nanobot.contracts.service import ServiceCall
from nanobot.contracts.tool import Risk
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.restore import LastStates
from nanobot.util.dt import iso
from nanobot.util.text import nearest

from .message import FIELDS, MESSAGE, Message, message_of
from .options import NOTICES, NOTIFY

Config = Mapping[str, Any]
UNKNOWN_TARGET = "unknown_target"


@dataclass(frozen=True, slots=True)
class Chat:
    """Where a message goes in the end."""

    channel: str
    chat: str
    thread: str | None = None


class Target(Entity):
    """Its state is when something was last sent to it, ISO 8601 in UTC."""

    def __init__(self, targets: Targets, key: str, config: Config) -> None:
        self.key = key
        self.entity_id = f"{NOTIFY}.{key}"
        self.sent_at = UNKNOWN
        self._targets = targets
        self.take(config)

    @property
    def state(self) -> str:
        return self.sent_at

    def take(self, config: Config) -> None:
        """Become what is configured."""
        self.config = config
        self.name = config.get("name")
        self.icon = config.get("icon")

    async def send(self, message: Message, context: Context) -> None:
        """On disk when it is done, for every chat. Raises what the first failure was when all were tried."""
        await self._targets.send(self.key, message, context)


class Targets:
    """By name. Each has a service of its name."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._last = LastStates(entry)
        self._targets: dict[str, tuple[Target, tuple[Callable[[], None], ...]]] = {}

    async def open(self) -> None:
        """Set all up, as they were when nanobot stopped."""
        await self._last.load()
        self.update(self._entry.config)

    def update(self, config: Mapping[str, Config]) -> None:
        """Become what is configured now. What is as configured before notices nothing."""
        for key in [key for key in self._targets if key not in config]:
            for remove in self._targets.pop(key)[1]:
                remove()
        for key, wanted in config.items():
            known = self._targets.get(key)
            if known is None:
                self._add(key, wanted)
            elif known[0].config != wanted:
                known[0].take(wanted)
                known[0].changed()
        self._targets = {key: self._targets[key] for key in config}  # the first one is the default
        self._last.only(config.keys())
        self._look_for_unknown()

    @property
    def default(self) -> str:
        """The name of the target that is meant where none is named."""
        return next(iter(self._targets), NOTICES)

    async def send(self, name: str, message: Message, context: Context) -> None:
        """Send to a target, or to whom the message names: other targets, or chats on this one's channel.

        One that fails stops none of the others; the first failure is raised then. Raises ``InvalidServiceData`` for
        a name that means nothing.
        """
        used: dict[str, Target] = {}
        chats: dict[Chat | None, None] = {}
        for one in message.to or (name,):
            chats.update(dict.fromkeys(self._chats(one, used) if self._is_target(one) else [self._chat(name, one)]))
        if not chats:
            raise ServiceError(f"{NOTIFY}.{name} leads to no chat; see which targets it names")
        if message.to and name in self._targets:
            used[name] = self._targets[name][0]
        sending = [self._put_up(message, context) if chat is None else self._send(chat, message, context)
                   for chat in chats]  # fmt: skip
        done = await asyncio.gather(*sending, return_exceptions=True)
        failures = [one for one in done if isinstance(one, BaseException)]
        if len(failures) < len(done):
            self._sent(used.values(), context)
        if failures:
            raise failures[0]

    def _is_target(self, name: str) -> bool:
        return name in self._targets or name == NOTICES

    def _chats(self, name: str, used: dict[str, Target]) -> Iterator[Chat | None]:
        """Those that a target stands for, None for the notices. Each target counts once, however it is named."""
        if name == NOTICES:
            yield None
        if name in used or name not in self._targets:
            return
        target = used[name] = self._targets[name][0]
        if "targets" in target.config:
            for one in target.config["targets"]:
                yield from self._chats(one, used)
        else:
            yield Chat(target.config["channel"], target.config["chat"], target.config.get("thread"))

    def _chat(self, name: str, chat: str) -> Chat:
        """A chat on the channel of a target."""
        channel = self._targets[name][0].config.get("channel") if name in self._targets else None
        if channel is None:
            near = nearest(chat, self._targets)
            hint = f"; did you mean '{near}'?" if near else ""
            raise InvalidServiceData(f"there is no target '{chat}' of notify{hint}")
        return Chat(channel, chat)

    async def _send(self, chat: Chat, message: Message, context: Context) -> None:
        if chat.channel not in self._hub.channels and chat.channel not in self._hub.entries:
            self._entry.log.warning("there is no channel '%s'; the message waits until there is", chat.channel)
        await self._hub.conversations.send(
            chat.channel, chat.chat, message.titled, thread=chat.thread, buttons=message.buttons, context=context
        )

    async def _put_up(self, message: Message, context: Context) -> None:
        data = {"message": message.text, "title": message.title, "notification_id": message.notification_id}
        given = {key: value for key, value in data.items() if value is not None}
        await self._hub.services.call(NOTICES, "create", given, context=context)

    def _sent(self, targets: Iterable[Target], context: Context) -> None:
        now = iso(self._hub.clock.time())
        for target in targets:
            target.sent_at = now
            target.changed(context)
            self._last.put(target.key, {"state": now})

    def _add(self, key: str, config: Config) -> None:
        target = Target(self, key, config)
        if (last := self._last.get(key)) is not None:
            target.sent_at = last["state"]

        async def send(call: ServiceCall) -> None:
            await target.send(message_of(call.data), call.context)

        about = f"Send a message to {target.name or key}."
        service = self._entry.service(key, send, MESSAGE, description=about, fields=FIELDS, risk=Risk.OUTSIDE)
        self._targets[key] = (target, (self._entry.add(target), service))

    def _look_for_unknown(self) -> None:
        unknown = {
            one for target, _ in self._targets.values() for one in target.config.get("targets", ())
            if not self._is_target(one)
        }  # fmt: skip
        if unknown:
            self._entry.issue(UNKNOWN_TARGET, names=", ".join(sorted(unknown)))
        else:
            self._entry.resolve(UNKNOWN_TARGET)
