"""A schedule that is on in weekly blocks, as in Home Assistant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from nanobot.contracts.entity import Entity
from nanobot.hub.entry import Entry
from nanobot.util.dt import zone

from .item import Item
from .weekly import DAYS, Now, now

NOTHING = Now(None, None)


class Blocks(Entity):
    """``part`` owns everything it has in the hub."""

    def __init__(self, part: Entry, item: Item) -> None:
        self.entity_id = f"schedule.{item.key}"
        self._part = part
        self._hub = part.hub
        self._cancel: Callable[[], None] | None = None
        self._now = NOTHING
        self.refused: Item | None = None
        """The wrong edit that stands in the YAML instead of ``item``, which goes on."""
        self.item = item

    @property
    def state(self) -> str:
        return "off" if self._now.block is None else "on"

    @property
    def attributes(self) -> Mapping[str, Any]:
        if self.item.config is None:
            return {"error": self.item.error}
        change = self._now.next_change
        shown: dict[str, Any] = {
            "editable": False,
            "next_event": None if change is None else datetime.fromtimestamp(change, self._zone),
        }
        if self._now.block is not None:
            shown.update(self._now.block.data)
        if self.refused is not None:
            shown["error"] = self.refused.error
        return shown

    def open(self) -> None:
        """Be on or off, from now on at each moment."""
        self._part.on_unload(self._stop)
        self._take(self.item)
        self._part.add(self)

    def begin(self) -> None:
        """The hub has started, which blocks need not wait for."""

    async def take(self, item: Item) -> None:
        """Become what an edit made of it."""
        self._take(item)
        self.changed()

    def refuse(self, item: Item | None) -> None:
        """Show that the edit does not work and this version goes on; with None, that all is well again."""
        if item is not self.refused:
            self.refused = item
            self.changed()

    def zone_changed(self) -> None:
        """The configured time zone is another one."""
        self._follow()
        self.changed()

    def written(self) -> dict[str, Any]:
        """The blocks of each day, for ``schedule.get_schedule``."""
        week = self.item.config or {}
        return {day: [block.shown() for block in week.get(day, ())] for day in DAYS}

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _zone(self) -> tzinfo:
        named = (self.item.config or {}).get("time_zone")
        return zone(named) if named else self._hub.clock.zone

    def _take(self, item: Item) -> None:
        self.item, self.refused = item, None
        self.available = item.config is not None
        self.name = item.name
        self.icon = None if item.config is None else item.config.get("icon")
        self._follow()

    def _follow(self) -> None:
        self._stop()
        config = self.item.config
        if config is None:
            self._now = NOTHING
            return
        self._now = now(config, self._hub.clock.time(), self._zone)
        self._cancel = self._hub.alarms.set(self._next_change, self._ring)

    def _next_change(self, after: float) -> float | None:
        assert self.item.config is not None
        found = now(self.item.config, after, self._zone)
        if found != self._now:  # where the clock was set back, nothing rings
            asyncio.get_running_loop().call_soon(self._look)
        return found.next_change

    def _ring(self, when: datetime) -> None:
        self._look()

    def _look(self) -> None:
        if self.item.config is not None:
            self._now = now(self.item.config, self._hub.clock.time(), self._zone)
            self.changed()

    def _stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
