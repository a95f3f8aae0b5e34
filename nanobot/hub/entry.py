"""An entry: one configured integration and all it has put into the hub.

Whatever an integration registers goes through its entry, and is undone in reverse order when the entry is
released: at unload, and also after a setup that failed half-way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import copy_context
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from nanobot.contracts.agent import Agent
from nanobot.contracts.channel import Channel
from nanobot.contracts.controls import Control
from nanobot.contracts.entity import Entity
from nanobot.contracts.model import Model
from nanobot.contracts.service import Handler, Response, Service
from nanobot.contracts.tool import Risk
from nanobot.contracts.webhook import Webhook
from nanobot.errors import StorageError
from nanobot.hub.bus import Callback, Filter
from nanobot.hub.context import ACTING, Context
from nanobot.hub.issues import Fix, Severity
from nanobot.hub.supervisor import Health, Supervised
from nanobot.storage.store import Migrate, Store
from nanobot.util.aio import Tasks, settle
from nanobot.util.backoff import Backoff
from nanobot.util.dt import iso
from nanobot.util.text import slugify

if TYPE_CHECKING:
    import voluptuous as vol

    from nanobot.hub.hub import Hub

UNDO_LIMIT = 10.0  # s that undoing one thing may take
ISSUE_AFTER = 5  # failures in a row of a task before a person is bothered
ENTRY_CHANGED = "entry_changed"

Remove = Callable[[], None]
Undo = Callable[[], Any]


class EntryState(StrEnum):
    """Where an entry is in its life."""

    STARTING = "starting"
    LOADED = "loaded"
    RETRYING = "retrying"
    FAILED = "failed"
    STOPPED = "stopped"


class EntryLog(logging.LoggerAdapter[logging.Logger]):
    """Puts the entry's id before each line."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f"{(self.extra or {})['entry']}: {msg}", kwargs


class Entry:
    """``id`` is the key in the YAML: ``telegram`` or ``telegram work``. ``config`` has passed the schema."""

    def __init__(
        self,
        hub: Hub,
        entry_id: str,
        domain: str,
        config: Any,
        *,
        label: str = "",
        parent: Entry | None = None,
    ) -> None:
        self.hub = hub
        self.id = entry_id
        self.domain = domain
        self.label = label
        self.config = config
        self.parent = parent
        self.state = EntryState.STARTING
        self.error: str | None = None
        self.since = hub.clock.time()
        self.restarts = 0
        self.parts: dict[str, Entry] = {}
        self.data: Any = None
        """What ``setup`` wants ``reload`` and ``unload`` to find again."""
        self.log = EntryLog(logging.getLogger(f"nanobot.{domain}"), {"entry": entry_id})
        context = copy_context()
        context.run(ACTING.set, entry_id)
        self.tasks = Tasks(entry_id, self.log, context)
        self._undo: dict[int, tuple[str, Undo]] = {}
        self._next = 0
        self._supervised: list[Supervised] = []
        self._stores: list[Store] = []
        self._issues: set[str] = set()
        self._states: set[str] = set()
        self._released = False

    # -- putting things into the hub ------------------------------------------------------------

    def listen(
        self,
        event: str,
        callback: Callback,
        *,
        filter: Filter | None = None,  # noqa: A002 - says what it is
        once: bool = False,
    ) -> Remove:
        """Be called with each event of this type ("*": of any). The function returned ends it earlier."""
        remove = self.hub.bus.listen(event, callback, filter=filter, once=once, tasks=self.tasks)
        return self._own(f"listener of {event}", remove)

    def track(self, entity_ids: str | list[str], callback: Callable[[Any], None]) -> Remove:
        """Be called with each ``state_changed`` of these entities."""
        return self._own("state listener", self.hub.states.track(entity_ids, callback))

    def run(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        name: str,
        backoff: Backoff | None = None,
        silent_for: float | None = None,
    ) -> None:
        """Keep ``work`` running until unload: it is called anew when it raises, returns, or gives no ``beat()``
        for ``silent_for`` seconds. After a failure it counts as running again at its next ``beat()``; work that
        need not beat, after some seconds."""
        supervised = Supervised(work, name=name, log=self.log, told=self._told, backoff=backoff, silent_for=silent_for)
        self._supervised.append(supervised)
        task = self.tasks.spawn(supervised.run(), name)

        async def stop() -> None:
            self._supervised.remove(supervised)
            task.cancel()
            if task is not asyncio.current_task():
                await asyncio.wait([task], timeout=UNDO_LIMIT)

        self._own(name, stop)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something once, in the background; cancelled at unload. A failure is logged."""
        return self.tasks.spawn(work, f"{self.id}: {name}")

    def call_later(self, delay: float, callback: Callable[[], Any]) -> Remove:
        """Call back once after ``delay`` seconds; a coroutine function becomes a task."""
        remove: list[Remove] = []

        def due() -> None:
            remove[0]()
            result = callback()
            if asyncio.iscoroutine(result):
                self.spawn(result, "timer")

        handle = asyncio.get_running_loop().call_later(delay, due)
        remove.append(self._own("timer", handle.cancel))
        return remove[0]

    def beat(self) -> None:
        """A sign of life, for ``silent_for`` of what this entry runs."""
        for supervised in self._supervised:
            supervised.beat()

    def add(self, thing: Any) -> Remove:
        """Put a channel, agent, model, embedder, tool, service, entity, view, command, chat command, socket command,
        webhook or panel into the hub.

        A channel is run from now on. Raises ``ValueError`` when its name is taken.
        """
        if isinstance(thing, Service):
            return self._own(f"service {thing.domain}.{thing.name}", self.hub.services.register(thing))
        if isinstance(thing, Entity):
            return self._add_entity(thing)
        if isinstance(thing, Webhook):
            return self._own("webhook", self.hub.webhooks.add(thing))
        registry, name = self.hub.registry_of(thing)
        remove = registry.add(name, thing)
        if isinstance(thing, Channel):
            receive = partial(self.hub.conversations.receive, thing)
            self.run(
                partial(thing.run, receive),
                name=f"channel {name}",
                backoff=thing.backoff,
                silent_for=thing.silent_for,
            )
        undo: Undo = remove
        if isinstance(thing, (Agent, Channel)):
            # undone before ``run`` is: what is being answered or sent needs the connection
            undo = partial(self._retire, thing, remove)
        elif isinstance(thing, Model):
            undo = partial(self._take_back, thing, remove)
        return self._own(f"{registry.what} {name}", undo)

    def service(
        self,
        name: str,
        handler: Handler,
        schema: vol.Schema | None = None,
        *,
        response: Response = Response.NONE,
        description: str = "",
        fields: Mapping[str, Any] | None = None,
        entity_domain: str | None = None,
        admin: bool = False,
        risk: Risk = Risk.WRITE,
    ) -> Remove:
        """Add the service ``<domain of this entry>.<name>``."""
        told = fields or {}
        return self.add(
            Service(self.domain, name, handler, schema, response, description, told, entity_domain, admin, risk=risk)
        )

    def set_state(
        self,
        entity_id: str,
        state: str,
        attributes: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Write a state that is removed at unload. For things with services, use an ``Entity``."""
        if entity_id not in self._states:
            self._states.add(entity_id)
            self._own(f"state {entity_id}", partial(self._remove_state, entity_id))
        self.hub.states.set(entity_id, state, attributes, context)

    def on_unload(self, undo: Undo) -> Remove:
        """Have ``undo()`` called, and awaited if it can be, at unload. The function returned takes that back."""
        key = self._keep(getattr(undo, "__qualname__", "undo"), undo)
        return lambda: self._forget(key)

    def part(self, name: str, config: Any = None) -> Entry:
        """A child with a life of its own: ``await part.release()`` undoes it alone, unload undoes it as well."""
        if name in self.parts:
            raise ValueError(f"{self.id} already has a part named {name!r}")
        child = Entry(self.hub, f"{self.id}/{name}", self.domain, config, label=self.label, parent=self)
        child.state = EntryState.LOADED
        self.parts[name] = child
        key = self._keep(f"part {name}", child.release)
        child.on_unload(partial(self._forget_part, name, key))
        return child

    def store(self, key: str = "", version: int = 1, *, migrate: Migrate | None = None) -> Store:
        """A document of this entry in ``.storage``. Written for the last time at unload."""
        name = slugify(self.id) + (f".{key}" if key else "")
        store = Store(self.hub.storage, name, version, migrate=migrate, failed=self._store_failed)
        self._stores.append(store)
        self.on_unload(store.flush)
        return store

    async def save(self) -> None:
        """Have everything that this entry and its parts keep written to disk now."""
        await asyncio.gather(*(store.flush() for store in self._stores), *(part.save() for part in self.parts.values()))

    def issue(
        self,
        key: str,
        *,
        severity: Severity = Severity.ERROR,
        fix: Fix | None = None,
        **placeholders: object,
    ) -> None:
        """Show a person what to repair: text ``issues.<key>`` of the integration's translations.

        Call ``resolve(key)`` when it is repaired; at unload it goes by itself.
        """
        issue_id = f"{self.id}.{key}"
        self._issues.add(issue_id)
        self.hub.issues.create(
            issue_id,
            f"component.{self.domain}.issues.{key}",
            severity=severity,
            entry=self.id,
            fix=fix,
            **placeholders,
        )

    def resolve(self, key: str) -> None:
        """The cause of an issue is gone."""
        issue_id = f"{self.id}.{key}"
        self._issues.discard(issue_id)
        self.hub.issues.resolve(issue_id)

    # -- its life -------------------------------------------------------------------------------

    def is_failing(self) -> bool:
        """Whether something that it or a part of it keeps running does not run now."""
        return any(one.is_failing for one in self._supervised) or any(part.is_failing() for part in self.parts.values())

    def turn(self, state: EntryState, error: str | None = None) -> None:
        """Note and show a new state. Called by the lifecycle and by the supervisor."""
        error = self.hub.scrubber.scrub(error) if error else error
        if state is self.state and error == self.error:
            return
        if state is not self.state:
            self.since = self.hub.clock.time()
        self.state = state
        self.error = error
        self.show()
        self.hub.bus.fire(
            ENTRY_CHANGED, {"entry": self.id, "domain": self.domain, "state": state.value, "error": error}
        )

    def show(self) -> None:
        """Write the state ``integration.<id>``; parts have none."""
        if self.parent is not None:
            return
        attributes = {
            "friendly_name": self.id,
            "domain": self.domain,
            "label": self.label,
            "error": self.error,
            "since": iso(self.since),
            "restarts": self.restarts,
        }
        self.hub.states.set(f"integration.{slugify(self.id)}", self.state.value, attributes)

    def hide(self) -> None:
        """Remove the state ``integration.<id>``: the entry is no longer configured."""
        self.hub.states.remove(f"integration.{slugify(self.id)}")

    async def release(self) -> list[str]:
        """Undo everything, last first. What fails or hangs is logged, named in the result, and left behind."""
        self._released = True
        left = []
        while self._undo:
            key = next(reversed(self._undo))
            name, undo = self._undo.pop(key)
            try:
                async with asyncio.timeout(UNDO_LIMIT):
                    await settle(undo())
            except TimeoutError:
                left.append(name)
                self.log.error("undoing %s took more than %g s; it is left behind", name, UNDO_LIMIT)
            except Exception as error:
                left.append(name)
                self.log.exception("undoing %s failed: %s", name, error)
        for task in await self.tasks.cancel(UNDO_LIMIT):
            left.append(task.get_name())
            self.log.error("%s does not end although it was told to; it is left behind", task.get_name())
        self._stores.clear()
        for issue_id in self._issues:
            self.hub.issues.resolve(issue_id)
        self._issues.clear()
        self._released = False
        return left

    # -- inside ---------------------------------------------------------------------------------

    def _keep(self, name: str, undo: Undo) -> int:
        if self._released:
            raise RuntimeError(f"{self.id} is being unloaded; nothing can be added to it")
        self._next += 1
        self._undo[self._next] = (name, undo)
        return self._next

    def _forget(self, key: int) -> None:
        self._undo.pop(key, None)

    def _forget_part(self, name: str, key: int) -> None:
        self.parts.pop(name, None)
        self._forget(key)
        if self.state is EntryState.RETRYING and not self._released and not self.is_failing():
            self.turn(EntryState.LOADED)

    def _own(self, name: str, undo: Undo) -> Remove:
        try:
            key = self._keep(name, undo)
        except RuntimeError:
            undo()
            raise

        def remove() -> None:
            if self._undo.pop(key, None) is not None:
                result = undo()
                if asyncio.iscoroutine(result):
                    self.spawn(result, f"undo {name}")

        return remove

    def _remove_state(self, entity_id: str) -> None:
        self._states.discard(entity_id)
        self.hub.states.remove(entity_id)

    def _add_entity(self, entity: Entity) -> Remove:
        undo = self.hub.entities.add(entity)
        if isinstance(entity, Control):
            release = self.hub.controls.hold(entity.entity_id.partition(".")[0])
            undo = partial(_both, undo, release)
        remove = self._own(f"entity {entity.entity_id}", undo)
        self.hub.entities.write(entity)
        return remove

    def _retire(self, leaving: Agent | Channel, remove: Remove) -> Coroutine[Any, Any, None]:
        remove()
        return self.hub.conversations.drain(leaving)

    def _take_back(self, model: Model, remove: Remove) -> None:
        remove()
        self.hub.issues.resolve(model.issue)  # another one of this name, or with another key, may do better

    def _told(self, supervised: Supervised, health: Health, error: BaseException | None) -> None:
        if self._released:
            return
        owner = self.parent or self
        owner.restarts += health is Health.RETRYING
        if health is Health.RUNNING:
            if not any(one.is_failing for one in self._supervised):
                self.hub.issues.resolve(f"{self.id}.task_failing")
            if not owner.is_failing():
                owner.turn(EntryState.LOADED)
            return
        text = self.hub.scrubber.scrub(str(error)) or type(error).__name__
        self.hub.bus.fire("task_failed", {"entry": self.id, "task": supervised.name, "error": text})
        if health is Health.FAILED:
            owner.turn(EntryState.FAILED, text)
            self._core_issue("auth_failed", entry=self.id, error=text)
            return
        owner.turn(EntryState.RETRYING, text)
        if supervised.failures >= ISSUE_AFTER:
            self._core_issue("task_failing", entry=self.id, error=text, failures=supervised.failures)

    def _core_issue(self, key: str, *, entry: str, **placeholders: Any) -> None:
        issue_id = f"{entry}.{key}"
        self._issues.add(issue_id)
        self.hub.issues.create(issue_id, f"issues.{key}", entry=entry, name=entry, **placeholders)

    def _store_failed(self, error: StorageError | None) -> None:
        issue_id = f"{self.id}.storage"
        if error is None:
            self._issues.discard(issue_id)
            self.hub.issues.resolve(issue_id)
        else:
            self._core_issue("storage", entry=self.id, error=str(error))


def _both(first: Remove, second: Remove) -> None:
    first()
    second()
