"""A house in which one of the blueprints that come with nanobot is used, a chat, and time that passes at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Limits
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.sql import Database
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House

WHERE: dict[str, Any] = {"channel": "chat", "chat": "test"}
MONDAY = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


class Silent(Agent):
    """Has nothing to say to what is left to it, unless a test wants it. ``asked`` is the last thing it was told."""

    answer = asked = ""

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.asked = turn.text
        yield Text(self.answer)


class Threads:
    """Work that is done in threads takes real time, in which virtual time has to stand still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pending: set[asyncio.Future[Any]] = set()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(Database, "submit", self._counted(Database.submit))
        monkeypatch.setattr(loop, "run_in_executor", self._counted(loop.run_in_executor))

    async def settle(self) -> None:
        """Until nothing is under way that does not wait for time or for anybody."""
        quiet = 0
        while quiet < 15:
            quiet = 0 if self._pending else quiet + 1
            if self._pending:
                time.sleep(0.0005)
            await asyncio.sleep(0)

    def _counted(self, function: Callable[..., asyncio.Future[Any]]) -> Callable[..., asyncio.Future[Any]]:
        def counted(*args: Any, **kwargs: Any) -> asyncio.Future[Any]:
            future = function(*args, **kwargs)
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)
            return future

        return counted


class Use:
    """``await use("remind_until_done", text="…")`` starts a hub with one automation that uses that blueprint."""

    def __init__(self, house: House, chat: Chat, agent: Silent, threads: Threads) -> None:
        self.house = house
        self.hub: Hub = house.hub
        self.chat = chat
        self.agent = agent
        self.settle = threads.settle

    async def __call__(self, name: str, /, *, having: dict[str, Any] | None = None, **inputs: Any) -> None:
        """``having``: other integrations and their configuration."""
        use = {"path": f"nanobot/{name}.yaml", "input": inputs}
        await self.start({"automation": [{"id": "x", "alias": "X", "use_blueprint": use}]}, having)
        state = self.hub.states.get("automation.x")
        assert state is not None
        assert state.state == "on"

    async def script(self, name: str, /, *, having: dict[str, Any] | None = None, **inputs: Any) -> None:
        """The same with the script ``script.x``."""
        use = {"path": f"nanobot/{name}.yaml", "input": inputs}
        await self.start({"script": {"x": {"use_blueprint": use}}}, having)
        assert self.hub.states.get("script.x") is not None

    async def start(self, config: dict[str, Any], having: dict[str, Any] | None = None) -> None:
        """Nothing is wrong with the configuration, not even a warning is due."""
        loop = asyncio.get_running_loop()
        begin, midnight = loop.time(), MONDAY.timestamp()
        self.hub.clock.time = lambda: midnight + loop.time() - begin
        config = {"nanobot": {"time_zone": "UTC"}, **config, **(having or {})}
        await self.house.start(json.dumps(config, indent=1))
        assert [str(problem) for problem in self.house.edits.problems] == []
        await self.types("hello")  # the chat is known from now on
        await self.passes(seconds=1)
        self.chat.sent.clear()

    async def passes(self, **span: float) -> None:
        """So much time passes, from one thing that is due to the next."""
        loop: Any = asyncio.get_running_loop()
        end = loop.time() + dt.timedelta(**span).total_seconds()
        while True:
            await self.settle()
            due = [timer.when() for timer in loop._scheduled if not timer.cancelled()]
            if not due or min(due) >= end:
                break
            await asyncio.sleep(max(0.0, min(due) - loop.time()))
        await asyncio.sleep(end - loop.time())
        await self.settle()

    async def until(self, clock: str, days: int = 0) -> None:
        """Until this time of day, ``days`` from now on, and a second."""
        hours, minutes = map(int, clock.split(":"))
        now = self.hub.clock.utc()
        then = now.replace(hour=hours, minute=minutes, second=0, microsecond=0) + dt.timedelta(days=days)
        assert then > now
        await self.passes(seconds=(then - now).total_seconds() + 1)

    async def sets(self, entity_id: str, state: str, **attributes: Any) -> None:
        """A thing has a new state."""
        self.hub.states.set(entity_id, state, attributes)
        await self.settle()

    async def happens(self, event_type: str, **data: Any) -> None:
        """An event is fired."""
        self.hub.bus.fire(event_type, data)
        await self.settle()

    async def types(self, text: str, **more: Any) -> None:
        """Somebody writes in the chat."""
        await self.does(self.chat.says(text, **more))

    async def does(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something that may wait for a thread; time stands still meanwhile."""
        task = asyncio.create_task(work)
        await self.settle()
        assert task.done()
        task.result()

    def state(self, entity_id: str) -> str | None:
        """The state of a thing."""
        found = self.hub.states.get(entity_id)
        return None if found is None else found.state

    @property
    def said(self) -> list[str]:
        """What was said in the chat since this was last asked."""
        texts = [message.text for message in self.chat.sent]
        self.chat.sent.clear()
        return texts


@pytest.fixture
async def use(house: House, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Use:
    chat.limits = Limits(buttons=True)
    owner = Entry(house.hub, "silent", "silent", {})
    agent = Silent("silent")
    owner.add(agent)
    return Use(house, chat, agent, Threads(monkeypatch))
