"""A turn: one message before one agent, until there is an answer or the turn is cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nanobot.contracts.agent import Agent, Attach, Part, Record, Retract, Text, Thinking, ToolUse, Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.sentence import Heard
from nanobot.conversations.message import BROUGHT, Message
from nanobot.errors import NanobotError
from nanobot.hub.context import ACTING
from nanobot.util.aio import Tasks
from nanobot.util.secrets import ScrubbedStream
from nanobot.util.text import without_quote
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

TYPING_AFTER = 0.5  # s; a quick answer needs no sign that it is on its way
TYPING_EVERY = 4.0  # s; platforms show the sign for about five
TURN_LIMIT = 3600.0  # s; an agent has limits of its own, this one is for one that hangs
CUT_LIMIT = 2.0  # s that an agent may take to end when it is told to

_log = logging.getLogger(__name__)

Keep = Callable[[str, Record], Awaitable[None]]
"""Writes what an agent wants to find again of the turn with that id."""


class Cut(StrEnum):
    """Why a turn was cut off."""

    STOPPED = "stopped"
    """The person said so: it is over."""
    LEAVING = "leaving"
    """The agent is unloaded, or nanobot stops: it starts over with the next agent."""
    TOO_LONG = "too_long"
    """It is over, and the person is told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a turn ended: ``answered``, ``empty``, ``failed``, ``stopped``, ``claimed`` or ``given_up``."""

    outcome: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


def turn_of(hub: Hub, message: Message, agent: Agent, ahead: asyncio.Future[Any] | None = None) -> Turn:
    """The turn of a message, as this agent takes it."""
    return Turn(
        id=message.id,
        session=message.session,
        channel=message.channel,
        chat=message.chat,
        sender=message.sender,
        text=message.text,
        context=message.context,
        language=message.language or hub.language,
        thread=message.thread,
        sender_name=message.sender_name,
        attachments=message.attachments,
        attempt=message.attempts + 1,
        owner=message.owner,
        person=hub.config.people.of(message.channel, message.sender),
        agent=agent.name,
        group=message.group,
        extra={**message.extra, "reply_to": message.reply_to} if message.reply_to else message.extra,
        ahead=ahead,
    )


class Running:
    """A turn that runs. ``over``: the agent has nothing more to do with it; ``ended``: its answer is kept, too."""

    def __init__(
        self, hub: Hub, message: Message, agent: Agent, keep: Callable[[str, Record], Awaitable[None]]
    ) -> None:
        self.hub = hub
        self.message = message
        self.agent = agent
        self.context = message.context
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.claimed = False
        """Whether somebody else took the message, so that the agent is not asked."""
        self.understood = True
        """False when the agent says that it can make nothing of the message."""
        self.rounds = 0
        """How often it has called tools."""
        self._began = asyncio.get_running_loop().time()
        self._keep = keep
        self._cut: Cut | None = None
        self._texts: list[str] = []
        self._attachments: list[Attachment] = []
        self._shown = {kind: ScrubbedStream(hub.scrubber) for kind in ("text", "thinking")}
        """What is held back of the answer and of the thoughts, as they are told piece by piece."""
        self._error: BaseException | None = None
        self._tasks = Tasks(f"turn {message.id}")
        self._work: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def language(self) -> str:
        """Of the message, else of the hub."""
        return self.message.language or self.hub.language

    @property
    def person(self) -> str:
        """Who wrote the message, by the name that the configuration gives."""
        return self.hub.config.people.of(self.message.channel, self.message.sender)

    def data(self, **more: object) -> dict[str, object]:
        """What every event of this turn says."""
        message = self.message
        return {
            "turn": message.id,
            "session": message.session,
            "channel": message.channel,
            "chat": message.chat,
            "thread": message.thread,
            "message_id": message.message_id,
            **more,
        }

    def finished(self, outcome: str) -> dict[str, object]:
        """What ``turn_finished`` says."""
        return self.data(
            agent=self.agent.name,
            person=self.person,
            owner=self.message.owner,
            outcome=outcome,
            understood=self.understood,
            seconds=round(asyncio.get_running_loop().time() - self._began, 3),
            rounds=self.rounds,
        )

    async def respond(self) -> Answer | None:
        """Let the agent answer. None: cut off, to start over."""
        try:
            if self._cut is None:
                await self._respond()
        finally:
            self._end()
        match self._cut:
            case Cut.LEAVING:
                return None
            case Cut.STOPPED:
                return Answer("stopped")
            case Cut.TOO_LONG:
                return self._answer(translate("chat.took_too_long", self.language))
        if self._error is not None:
            return self._answer(self._sentence(self._error))
        return self._answer()

    def cut(self, why: Cut) -> bool:
        """Cut it off now; False when the answer is complete already."""
        if self.over.done():
            return False
        if self._cut is None:
            self._cut = why
        if self._work is not None:
            self._work.cancel()
            self._later("cut", CUT_LIMIT, self._leave_behind)
        return True

    # -- inside ---------------------------------------------------------------------------------

    async def _respond(self) -> None:
        self._work = self._tasks.spawn(self._consume())
        if self._work.done():
            return
        self._later("typing", TYPING_AFTER, self._show_typing)
        self._later("limit", TURN_LIMIT, self.cut, Cut.TOO_LONG)
        self._work.add_done_callback(lambda _: self._end())
        await self.over

    async def _consume(self) -> None:
        # whoever reloads the agent from within this turn must not wait for the turn to end
        ACTING.set(self.agent.name)
        message = self.message
        begun, message.ahead = message.ahead, None
        ahead = begun[1] if begun is not None and begun[0] is self.agent else None
        turn = turn_of(self.hub, message, self.agent, ahead)
        parts: AsyncIterator[Part] | None = None
        try:
            if (answer := await self._heard(turn)) is not None:
                self._take(Text(answer))
                return
            parts = self.agent.respond(turn)
            async for part in parts:
                if self._cut is not None:  # and the agent took no notice
                    return
                if isinstance(part, Record):
                    self.rounds += part.message.role == "assistant"
                    await self._keep(message.id, part)
                else:
                    self._take(part)
        except asyncio.CancelledError:
            if self._cut is None:
                self._error = NanobotError(translate("chat.agent_failed", self.language))
                _log.error("%s cancelled its own turn", self.agent.name)
            raise
        except Exception as error:  # an agent may raise what it likes: the person gets a sentence, the log the rest
            self._error = error
        finally:
            if close := getattr(parts, "aclose", None):  # whatever it holds open, such as a request, ends now
                await close()

    async def _heard(self, turn: Turn) -> str | None:
        """The answer of whoever waits for this sentence: it comes before any agent's."""
        if not self.hub.sentences or turn.attachments or BROUGHT in turn.extra:
            return None
        return await self.hub.sentences.answer(
            Heard(
                text=without_quote(turn.text),
                language=turn.language,
                context=turn.context,
                conversation_id=turn.session,
                agent_id=self.agent.name,
                channel=turn.channel,
                chat=turn.chat,
                thread=turn.thread,
                sender=turn.sender,
                owner=turn.owner,
            )
        )

    def _take(self, part: Part) -> None:
        match part:
            case Text(text):
                self._texts.append(text)
                self.understood = part.understood
                kind = "text"
            case Retract():
                self._texts.clear()
                kind, text = "retract", ""
            case Thinking(text):
                kind = "thinking"
            case ToolUse(name=text):
                kind = "tool"
            case Attach(attachment):
                self._attachments.append(attachment)
                return
            case _:
                return
        self._show(kind, text)

    def _show(self, kind: str, text: str) -> None:
        """Tell a piece of what can be seen while it is made. The pieces of a text may come later, and together."""
        if kind != "thinking":
            self._tell("thinking", self._shown["thinking"].rest())
        if kind in self._shown:
            self._tell(kind, self._shown[kind].say(text))
            return
        if kind == "retract":
            self._shown["text"].drop()
        self._tell(kind, self.hub.scrubber.scrub(text), always=True)

    def _tell(self, kind: str, text: str, *, always: bool = False) -> None:
        if (text or always) and self.hub.bus.route("turn_progress"):
            self.hub.bus.fire("turn_progress", self.data(kind=kind, text=text), self.context)

    def _answer(self, sentence: str | None = None) -> Answer:
        text = "".join(self._texts)
        if sentence is not None:
            text = f"{text.rstrip()}\n\n{sentence}".strip()
        outcome = "failed" if sentence is not None else "answered"
        if not text.strip() and not self._attachments:
            return Answer("empty")
        return Answer(outcome, text, tuple(self._attachments))

    def _sentence(self, error: BaseException) -> str:
        if isinstance(error, NanobotError) and str(error):
            _log.warning("%s could not answer: %s", self.agent.name, error)
            return self.hub.scrubber.scrub(str(error))
        _log.error("%s failed while it answered", self.agent.name, exc_info=error)
        return translate("chat.agent_failed", self.language)

    def _later(self, name: str, delay: float, callback: object, *args: object) -> None:
        if (timer := self._timers.get(name)) is not None:
            timer.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(delay, callback, *args)  # type: ignore[arg-type]

    def _show_typing(self) -> None:
        self._later("typing", TYPING_EVERY, self._show_typing)
        channel = self.hub.channels.get(self.message.channel)
        if channel is None:
            return

        async def show() -> None:
            try:
                async with asyncio.timeout(TYPING_EVERY):
                    await channel.typing(self.message.chat, self.message.thread)
            except Exception as error:  # a courtesy that fails must not harm the answer
                _log.debug("%s cannot show that an answer is on its way: %s", channel.name, error)

        self._tasks.spawn(show(), "typing")

    def _leave_behind(self) -> None:
        _log.error("%s does not end its turn although it was told to; it is left behind", self.agent.name)
        self._end()

    def _end(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for kind, shown in self._shown.items():
            self._tell(kind, shown.rest())
        if not self.over.done():
            self.over.set_result(None)
