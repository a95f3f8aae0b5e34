"""Binds the neutral workloads to a real hub, in this process, without HTTP.

Everything that is called inside a timed loop is the hub's own function: the adapter adds no call of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot import __version__
from nanobot.app import SWITCH_EVERY
from nanobot.config import validators as cv
from nanobot.config.files import Files
from nanobot.config.load import load
from nanobot.contracts.service import Service, ServiceCall
from nanobot.hub.bus import Event
from nanobot.templates import Template
from nanobot.testing.plugin import House
from nanobot.util import collector

SERVICE_FIELDS = {vol.Required("n"): cv.positive_int, vol.Optional("text"): cv.string}


class NanobotAdapter:
    """The members that ``workloads.py`` asks of an ``Adapter``."""

    name = "nanobot"
    version = __version__

    def __init__(self, house: House) -> None:
        self.house = house
        self.hub = house.hub
        self.fire = self.hub.bus.fire
        self.set_state = self.hub.states.set
        self.call_service = self.hub.services.call

    # -- bus and states -------------------------------------------------------------------------

    def listen(self, event_type: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        return self.hub.bus.listen(event_type, callback)

    def listen_coro(self, event_type: str, callback: Callable[[Event], Awaitable[None]]) -> Callable[[], None]:
        return self.hub.bus.listen(event_type, callback)

    def track(self, entity_id: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        return self.hub.states.track(entity_id, callback)

    # -- services -------------------------------------------------------------------------------

    def register_service(self, name: str, kind: str) -> None:
        def plain(call: ServiceCall) -> None:
            return None

        async def coroutine(call: ServiceCall) -> None:
            return None

        handler = coroutine if kind == "coroutine" else plain
        schema = vol.Schema(SERVICE_FIELDS) if kind == "schema" else None
        self.hub.services.register(Service("bench", name, handler, schema))

    # -- configuration --------------------------------------------------------------------------

    async def load_from_yaml(self, config_dir: str) -> dict[str, float]:
        """All of it: parse, check, set up, attach the triggers."""
        began = time.perf_counter()
        await self.house.edits.start()
        assert self.hub.states.all("automation")
        took = time.perf_counter() - began
        collector.spare()  # as a hub does some seconds after its start
        return {"load_and_set_up_s": took}

    async def reparse(self, config_dir: str) -> dict[str, float]:
        """Only parse, twice; the second time nothing has changed."""
        files = Files()
        began = time.perf_counter()
        loaded = await asyncio.to_thread(load, Path(config_dir), files=files)
        parsed = time.perf_counter() - began
        assert loaded.data["automation"], loaded.problems
        began = time.perf_counter()
        await asyncio.to_thread(load, Path(config_dir), files=files)
        return {"parse_s": parsed, "parse_nothing_changed_s": time.perf_counter() - began}

    def template(self, text: str) -> Callable[[Mapping[str, Any] | None], Any]:
        return partial(Template(text).render, self.hub)

    async def load_automations(self, automations: list[dict[str, Any]]) -> None:
        applied = await self.house.apply(json.dumps({"automation": automations}))
        assert not applied.problems, applied.problems

    async def reload_automations(self, automation_id: str | None = None) -> None:
        """Everything is compared with what runs, whatever ``automation_id`` says."""
        await self.hub.services.call("automation", "reload")

    async def settle(self) -> None:
        await asyncio.sleep(0)


def run(config_dir: Path, main: Callable[[NanobotAdapter], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """Run ``main(adapter)`` in a started hub."""
    logging.getLogger().setLevel(logging.WARNING)
    sys.setswitchinterval(SWITCH_EVERY)  # as ``nanobot run`` does

    async def go() -> dict[str, float]:
        house = House(config_dir)
        await house.open()
        try:
            return await main(NanobotAdapter(house))
        finally:
            await house.close()

    return asyncio.run(go())
