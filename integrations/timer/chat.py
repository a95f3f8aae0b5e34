"""Timers that somebody starts in passing: they need no configuration, outlive a restart, and say when they are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.text import slugify
from nanobot.util.translate import translate

from .entity import IDLE, Timer, as_clock

LATE = 60.0  # s; said from then on
MOST = 100  # timers at a time

CREATE = vol.Schema(
    {
        vol.Required("duration"): cv.time_period,
        vol.Optional("id"): cv.string,
        vol.Optional("name"): cv.string,
        vol.Optional("channel"): cv.string,
        vol.Optional("chat"): cv.string,
        vol.Optional("thread"): vol.Any(None, cv.string),
        vol.Optional("session"): cv.string,
        vol.Optional("language"): cv.string,
        vol.Optional("message"): cv.string,
    }
)


class ChatTimer(Timer):
    """``config``: what was asked for; gone when it is over or cancelled."""

    may_grow = True

    def __init__(self, entry: Entry, key: str, config: Mapping[str, Any], over: Callable[[ChatTimer], None]) -> None:
        super().__init__(entry, key, config)
        self._over = over
        self.ended = 0.0

    @property
    def attributes(self) -> dict[str, Any]:
        where = {key: self.config[key] for key in ("channel", "chat", "session") if self.config.get(key)}
        return {**super().attributes, "temporary": True, **where}

    def keep(self) -> dict[str, Any]:
        return {"state": self._state, "duration": self.duration, "left": self.left, "ends": self.ends}

    def finish(self, context: Context | None = None) -> None:
        self.ended = self.ends or self._clock.time()
        super().finish(context)

    def _tell(self, event: str, context: Context | None, **more: str) -> None:
        super()._tell(event, context, **more)
        self._over(self)


class ChatTimers:
    """All of them. What is asked for is on disk before it is confirmed."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._store = entry.store("chat")
        self._timers: dict[str, tuple[ChatTimer, Callable[[], None]]] = {}

    async def open(self) -> None:
        """Go on with those of before; the ones that are over by now say so."""
        data = await self._store.load() or {}
        for kept in data.get("timers", ()):
            config = {**kept["config"], "duration": timedelta(seconds=kept["config"]["duration"]), "restore": True}
            timer = self._add(kept["key"], config)
            timer.restore(kept["last"])
            timer.changed()

    async def create(self, call: ServiceCall) -> dict[str, Any]:
        """The service ``timer.create``. The same ``id`` again changes nothing."""
        for known, _ in self._timers.values():
            if known.config.get("id") == call.data.get("id", ""):
                return {"entity_id": known.entity_id, **known.attributes}
        if call.data["duration"].total_seconds() <= 0:
            raise ServiceError("a timer needs a duration of more than 0 seconds")
        if len(self._timers) >= MOST:
            raise ServiceError(f"there are already {MOST} timers; cancel some first")
        config = {**call.data, "restore": True}
        timer = self._add(self._free_key(config.get("name")), config)
        timer.start(None, call.context)
        await self._store.flush()
        return {"entity_id": timer.entity_id, **timer.attributes}

    def _add(self, key: str, config: Mapping[str, Any]) -> ChatTimer:
        timer = ChatTimer(self._entry, key, config, self._changed)
        timer.name = config.get("name") or f"Timer {as_clock(timer.configured)}"
        self._timers[key] = (timer, self._entry.add(timer))
        return timer

    def _free_key(self, name: str | None) -> str:
        base = slugify(name) if name else "timer"
        number = 1
        while (key := base if number == 1 else f"{base}_{number}") in self._timers or self._hub.states.get(
            f"timer.{key}"
        ):
            number += 1
        return key

    def _changed(self, timer: ChatTimer) -> None:
        if timer.state == IDLE:
            _, remove = self._timers.pop(timer.key)
            remove()
            if timer.ended:
                # only what was said may be forgotten on disk
                self._entry.spawn(self._announce(timer), f"announce {timer.entity_id}")
                return
        self._store.save(self._document)

    async def _announce(self, timer: ChatTimer) -> None:
        config = timer.config
        if config.get("channel") and config.get("chat"):
            await self._say(timer, config)
        self._store.save(self._document)
        await self._store.flush()

    async def _say(self, timer: ChatTimer, config: Mapping[str, Any]) -> None:
        language = config.get("language") or self._hub.language
        text = config.get("message") or translate("component.timer.chat.over", language, name=timer.name or "")
        if self._hub.clock.time() - timer.ended > LATE:
            text = translate("component.timer.chat.late", language, text=text)
        await self._hub.conversations.send(
            config["channel"], config["chat"], text, thread=config.get("thread"), session=config.get("session")
        )

    def _document(self) -> dict[str, Any]:
        return {
            "timers": [
                {
                    "key": key,
                    "config": {**timer.config, "duration": timer.config["duration"].total_seconds()},
                    "last": timer.keep(),
                }
                for key, (timer, _) in self._timers.items()
            ]
        }
