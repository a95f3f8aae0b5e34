"""A house for a trial: a real hub in which what acts within it alone is real, and everything else is written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from nanobot.config.check import Checked, EntryConfig
from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.runnable import Runnable
from nanobot.contracts.sentence import Heard
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.conversations.conversations import Conversations
from nanobot.conversations.message import Message, session_of
from nanobot.errors import NanobotError
from nanobot.hub.bus import ALL, Bus, Event
from nanobot.hub.context import Context
from nanobot.hub.controls import Controls
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.registry import Registry
from nanobot.hub.services import Services
from nanobot.lifecycle import core
from nanobot.lifecycle.edits import Edits
from nanobot.lifecycle.entries import Entries
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.macros import FOLDER as MACROS
from nanobot.lifecycle.macros import load_macros
from nanobot.lifecycle.plan import complete
from nanobot.lifecycle.trial.loop import Jumping
from nanobot.util.dt import Clock
from nanobot.util.ids import ulid

SCENES = "scene"
"""Knows which service brings a thing into a state."""
INTERNAL = ("state_changed", "state_reported", "call_service", "service_registered", "service_removed")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was done: an ``action`` (a call of a service), an ``event``, ``say`` or ``ask``. ``time`` is that
    of the trial, in seconds since the epoch."""

    kind: str
    what: str
    data: Mapping[str, Any]
    time: float
    context: Context | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it could stand in ``then``."""
        return {self.kind: self.what, **self.data} if self.kind == "say" else _told(self)


def _told(one: Happening) -> dict[str, Any]:
    return {one.kind: one.what, "data": dict(one.data)} if one.data else {one.kind: one.what}


@dataclass(slots=True)
class Book:
    """What was done, in order."""

    clock: Clock
    happenings: list[Happening] = field(default_factory=list)
    closed: bool = False
    """While it is, nothing is written down."""

    def note(self, kind: str, what: str, data: Mapping[str, Any], context: Context | None = None) -> None:
        """Write something down."""
        if not self.closed:
            self.happenings.append(Happening(kind, what, data, self.clock.time(), context))


class Stage:
    """``hub``, ``book``. Runs on a ``Jumping`` loop alone."""

    def __init__(self, folder: Path, loader: Loader, checked: Checked, begin: float) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Jumping)
        self.loop: Jumping = loop
        self.checked = checked
        self._loader = loader
        since = loop.time()
        clock = Clock(lambda: begin + loop.time() - since)
        self.book = Book(clock)
        self.answers: list[Any] = []
        """What an agent is going to say, in this order."""
        self.responses: dict[str, Mapping[str, Any]] = {}
        """What services that are not real answer, by name."""
        macros = loader.config_dir / MACROS
        if macros.is_dir():
            (folder / MACROS).symlink_to(macros.resolve())
        self.hub = Hub(folder, clock=clock)
        self._services = self.hub.services = _Services(self.hub.bus, self)
        self.hub.controls = Controls(self._services, self.hub.entities, clock)
        self.hub.conversations = _Conversations(self.hub, self.book)
        self.hub.agents = _Agents(_Agent(self))
        self.entries = Entries(self.hub, loader)
        self._core = Entry(self.hub, "nanobot", "nanobot", {})

    async def open(self, *, real: bool = True) -> None:
        """The house with everything that is real in it, but without automations. Not ``real``: with nothing."""
        hub = self.hub
        if self.checked.core_ok:
            hub.configure(self.checked.core)
        core.offer(self._core, Edits(hub, self._loader, self.entries), lambda: None)
        hub.entries["nanobot"] = self._core
        self._core.turn(EntryState.LOADED)
        hub.bus.listen(ALL, self._happened)
        hub.phase = Phase.RUNNING
        await load_macros(hub)
        if not real:
            return
        wanted = complete(self.checked, self._loader, (SCENES,))
        await self.entries.apply((), {i: e for i, e in wanted.items() if e.ok and self._is_real(e)})
        await self.loop.idle()

    async def bring(self, entry: EntryConfig) -> None:
        """Set up what is tried out, or another version of it."""
        await self.entries.apply((), {entry.id: entry})
        await self.loop.idle()
        state = self.hub.entries[entry.id]
        if state.state is not EntryState.LOADED:
            raise NanobotError(f"{entry.id} cannot be set up: {state.error}")

    async def become(self, states: Mapping[str, Any]) -> None:
        """Bring things into states; what is not real simply has them."""
        real: dict[str, Any] = {}
        for entity_id, given in states.items():
            state, attributes = split(given)
            if self.hub.entities.get(entity_id) is not None:
                real[entity_id] = {"state": state, **attributes}
            else:
                known = self.hub.states.get(entity_id)
                if not isinstance(given, Mapping) and known is not None:
                    attributes = dict(known.attributes)
                self.hub.states.set(entity_id, state, attributes)
        if real:
            self.book.closed = True
            try:
                await self.hub.services.call(SCENES, "apply", {"entities": real})
            finally:
                self.book.closed = False
        await self.loop.idle()

    async def hear(self, given: Mapping[str, Any], *, command: str | None = None) -> None:
        """Somebody writes a message. ``command``: it is one of the chat, which nobody but the hub answers."""
        hub, channel, chat = self.hub, given["channel"], given["chat"]
        known = {"id": ulid(), "session": session_of(channel, chat, given.get("thread")), **given}
        message = Message(received=hub.clock.time(), **known)
        hub.bus.fire("message_received", {**message.told(), "command": command}, message.context)
        if command is None and not hub.conversations.claims.offer(message):
            heard = Heard(
                text=message.text, language=hub.language, context=message.context, conversation_id=message.session,
                channel=channel, chat=chat, thread=message.thread, sender=message.sender, owner=message.owner,
            )  # fmt: skip
            hub.tasks.spawn(self._answer(heard), "answer")  # it may take as long as a run
        await self.loop.idle()

    def quiet_event(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Fire an event that is nobody's doing."""
        self.book.closed = True
        try:
            self.hub.bus.fire(event_type, data, Context(actor="test"))
        finally:
            self.book.closed = False

    async def quietly(self, domain: str, name: str, data: Any, target: Any, *, response: bool) -> Any:
        """Call a service; the call itself is not written down, but all that comes of it."""
        service = self.hub.services.get(domain, name)
        if service is None:
            raise NanobotError(f"there is no service {domain}.{name} that could be tried out")
        self._services.skip = True
        wanted = response and service.response is not Response.NONE
        return await self.hub.services.call(
            domain, name, data, target=target, context=Context(actor="test"), return_response=wanted
        )

    async def passes(self, seconds: float) -> None:
        """So much time passes, from one thing that is due to the next."""
        await asyncio.sleep(seconds)
        await self.loop.idle()

    def runnable(self, domain: str, key: str) -> Runnable | None:
        """The automation or script that is tried out."""
        found = [one for one in self.hub.runnables if one.domain == domain]
        return next((one for one in found if one.item_id == key), found[0] if len(found) == 1 else None)

    async def close(self) -> None:
        """Take everything down."""
        self.book.closed = True
        self.hub.phase = Phase.STOPPING
        await self._core.release()
        await self.entries.close()
        for tasks in (self.hub.tasks, self.hub.services.tasks, self.hub.bus.tasks):
            await tasks.cancel(1.0)
        self.hub.phase = Phase.STOPPED

    # -- inside ---------------------------------------------------------------------------------

    async def _answer(self, heard: Heard) -> None:
        answer = await self.hub.sentences.answer(heard)
        if answer and heard.channel is not None and heard.chat is not None:
            await self.hub.conversations.send(heard.channel, heard.chat, answer, context=heard.context)

    def _is_real(self, entry: EntryConfig) -> bool:
        integration = self._loader.find(entry.domain)
        return integration is not None and integration.manifest.self_contained and not integration.manifest.acts

    def _happened(self, event: Event) -> None:
        if event.type not in INTERNAL:
            self.book.note("event", event.type, event.data, event.context)


def acts(domain: str, loader: Loader) -> bool:
    """Whether it is of things that begin to act by themselves: all but the one that is tried out are left out."""
    integration = loader.find(domain)
    return integration is not None and integration.manifest.acts


def is_called(domain: str, loader: Loader) -> bool:
    """Whether it is of things that run when they are called."""
    integration = loader.find(domain)
    return integration is not None and integration.manifest.called


def split(given: Any) -> tuple[str, dict[str, Any]]:
    """A state as it is written, and its attributes."""
    if isinstance(given, Mapping):
        attributes = {str(key): value for key, value in given.items() if key != "state"}
        return str(given["state"]), attributes
    return str(given), {}


def alone(entry: EntryConfig, key: Any) -> EntryConfig:
    """An entry with one of its items alone."""
    assert entry.items is not None
    good = [(key, entry.items.good[key])]
    return replace(entry, config=entry.items.kind.whole(good), raw=entry.items.kind.whole(good), items=None)


@contextlib.asynccontextmanager
async def staged(folder: Path, loader: Loader, checked: Checked, begin: float) -> AsyncIterator[Stage]:
    """A stage on an empty folder, taken down at the end."""
    stage = Stage(folder, loader, checked, begin)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()


# -- what stands for the world -------------------------------------------------------------------


class _Services(Services):
    """Writes down what is called. A service that is not there is there when it is called, and does nothing."""

    def __init__(self, bus: Bus, stage: Stage) -> None:
        super().__init__(bus)
        self._stage = stage
        self.skip = False
        """The next call is the trial's own."""

    async def call(self, domain: str, name: str, data: Any = None, **how: Any) -> Mapping[str, Any] | None:
        if not how.get("blocking", True):
            self._note(domain, name, data, how.get("target"), how.get("context"))
        return await super().call(domain, name, data, **how)

    def begin(
        self,
        domain: str,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        target: Mapping[str, Any] | None = None,
        context: Context | None = None,
        return_response: bool = False,
    ) -> Any:
        self._note(domain, name, data, target, context)
        return super().begin(
            domain, name, data, target=target, context=context, return_response=return_response
        )  # fmt: skip

    def _note(self, domain: str, name: str, data: Any, target: Any, context: Context | None) -> None:
        skip, self.skip = self.skip, False
        if skip:
            return
        told = {**(data or {}), **(target or {})}
        if isinstance(told.get("entity_id"), str):
            told["entity_id"] = [part.strip() for part in told["entity_id"].split(",")]
        self._stage.book.note("action", f"{domain}.{name}", told, context)
        if not self.has(domain, name):
            self.register(Service(domain, name, self._stand_in, None, Response.OPTIONAL))

    def _stand_in(self, call: ServiceCall) -> Mapping[str, Any]:
        return self._stage.responses.get(f"{call.domain}.{call.service}", {})


class _Conversations(Conversations):
    """Every chat takes every message, at once."""

    def __init__(self, hub: Hub, book: Book) -> None:
        super().__init__(hub)
        self._book = book

    async def send(
        self,
        channel_name: str,
        chat: str,
        text: str,
        *,
        thread: str | None = None,
        session: str | None = None,
        attachments: Sequence[Attachment] = (),
        answers: str | None = None,
        buttons: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> str:
        if not text.strip() and not attachments:
            raise NanobotError("a message without text and attachments cannot be sent")
        told: dict[str, Any] = {"channel": channel_name, "chat": str(chat)}
        if buttons:
            told["choices"] = list(buttons)
        self._book.note("say", text, told, context)
        return ulid()

    async def delivered(self, outbox_id: str, timeout: float) -> bool:
        return True

    async def drain(self, leaving: Any) -> None:
        return


class _Agent(Agent):
    """Says what the test says that it says."""

    def __init__(self, stage: Stage) -> None:
        super().__init__("test")
        self._stage = stage

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self._stage.book.note("ask", turn.text, {}, turn.context)
        if not self._stage.answers:
            yield Text("", understood=False)
            return
        answer = self._stage.answers.pop(0)
        yield Text(answer if isinstance(answer, str) else orjson.dumps(answer).decode())


class _Agents(Registry[Agent]):
    """Whoever is asked for is there, and is the same."""

    def __init__(self, agent: Agent) -> None:
        super().__init__("agent")
        self._agent = agent
        self.add(agent.name, agent)

    def get(self, name: str) -> Agent:
        return self._agent
