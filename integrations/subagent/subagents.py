"""All work that was given away: run, kept over a restart, and told to the conversation that it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from nanobot.agent.foreign import TAINTED, marked
from nanobot.contracts.agent import Agent, Bounds, Turn, answer_of
from nanobot.conversations.origin import Origin
from nanobot.errors import Busy, NanobotError, StorageError, ToolError
from nanobot.hub.entry import Entry

from .task import SUBAGENT, Task

NOT_FOR_SUBAGENTS = ("spawn", "subagents", "hand_over", "message")
"""What they have no use for: they tell what they found by answering, and give nothing away themselves."""
MOST_ATTEMPTS = 3
PATIENCE = 30.0  # s until an agent that is being reloaded is given up, and until a full hub is told again
LONGEST_RESULT = 20_000  # characters


class Subagents:
    """``config`` is that of the entry, as it is now."""

    def __init__(self, entry: Entry) -> None:
        self.config: Mapping[str, Any] = entry.config
        self._entry = entry
        self._hub = entry.hub
        self._store = entry.store("tasks")
        self._tasks: dict[str, Task] = {}
        self._working: dict[str, asyncio.Task[Any]] = {}
        self._numbers = count(1)

    async def open(self) -> None:
        """Go on with what the disk knows."""
        kept = await self._store.load() or {}
        self._numbers = count(int(kept.get("next", 1)))
        for data in kept.get("tasks", []):
            task = Task.unpacked(data)
            self._tasks[task.id] = task
            self._begin(task)

    def of(self, turn: Turn) -> list[Task]:
        """Those of one conversation."""
        return [task for task in self._tasks.values() if task.origin.session == turn.session]

    async def spawn(self, text: str, turn: Turn) -> Task:
        """Give work away. On disk when this returns. Raises ``ToolError``."""
        running = sum(task.result is None for task in self._tasks.values())
        if running >= self.config["at_once"]:
            raise ToolError(f"{running} subagents work already, which is all there may be at once. Wait for one.")
        agent = self.config.get("agent") or turn.agent
        if agent not in self._hub.agents:
            there = ", ".join(self._hub.agents.names()) or "none"
            raise ToolError(f"There is no agent {agent!r} to do it; there are: {there}.")
        tainted = self._hub.policy.is_tainted(turn.id)
        id_, now = f"s{next(self._numbers)}", self._hub.clock.time()
        task = Task(id_, text, agent, Origin.of(turn), now, tainted=tainted)
        self._tasks[task.id] = task
        await self._save()
        self._begin(task)
        return task

    async def end(self, task: Task) -> None:
        """Have it stop; nobody is told."""
        self._tasks.pop(task.id, None)
        if working := self._working.pop(task.id, None):
            working.cancel()
        await self._save()

    # -- inside ---------------------------------------------------------------------------------

    def _begin(self, task: Task) -> None:
        working = self._working[task.id] = self._entry.spawn(self._work(task), f"subagent {task.id}")
        working.add_done_callback(lambda _: self._working.pop(task.id, None))

    async def _work(self, task: Task) -> None:
        if task.result is None:
            task = self._tasks[task.id] = await self._done(task)
            await self._save()
        while True:
            try:
                agent = task.agent if task.agent in self._hub.agents else None
                now, extra = self._hub.clock.time(), {TAINTED: True} if task.tainted else {}
                await self._hub.conversations.bring(task.origin.message(task.told(), now, agent=agent, extra=extra))
            except (Busy, StorageError) as error:
                self._entry.log.warning("what came of %s is told later: %s", task.id, error)
                await asyncio.sleep(PATIENCE)
            else:
                break
        self._tasks.pop(task.id, None)
        await self._save()

    async def _done(self, task: Task) -> Task:
        task.attempts += 1
        if task.attempts > MOST_ATTEMPTS:
            return task.ended("It was interrupted again and again, and given up.", tainted=False)
        await self._save()
        limit = self.config["timeout"]
        turn = task.turn(Bounds(self._tools(), self.config["rounds"]))
        if task.tainted:
            self._hub.policy.taint(turn.id)
        try:
            async with asyncio.timeout(limit):
                said = await answer_of(await self._agent(task.agent), turn)
            text = self._hub.scrubber.scrub(said.text).strip() or "It has no answer."
        except TimeoutError:
            text = f"It was not done within {limit:g} s, and ended."
        except NanobotError as error:
            text = f"It failed: {self._hub.scrubber.scrub(str(error))}"
        tainted = self._hub.policy.is_tainted(turn.id)
        if tainted:
            text = marked(text, SUBAGENT, self._hub.policy.key)
        return task.ended(text[:LONGEST_RESULT], tainted=tainted)

    async def _agent(self, name: str) -> Agent:
        """The agent, waited for while it is being reloaded."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (agent := self._hub.agents.get(name)) is None:
                    await self._hub.agents.changed()
        except TimeoutError:
            raise NanobotError(f"there is no agent {name} any more") from None
        return agent

    def _tools(self) -> tuple[str, ...]:
        return tuple(
            name
            for name in self._hub.tools.names()
            if name not in NOT_FOR_SUBAGENTS and any(fnmatchcase(name, glob) for glob in self.config["tools"])
        )

    async def _save(self) -> None:
        self._store.save(self._kept)
        await self._store.flush()

    def _kept(self) -> dict[str, Any]:
        self._numbers = count(following := next(self._numbers))
        return {"next": following, "tasks": [task.packed() for task in self._tasks.values()]}
