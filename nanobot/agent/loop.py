"""The loop of a turn: ask the model, do what it asks for, ask again, until there is an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from nanobot.agent import prompt
from nanobot.agent.asking import Again, Asking, NoAnswer
from nanobot.agent.briefing import Briefing, Piece
from nanobot.agent.compaction import Compactor
from nanobot.agent.documents import attached
from nanobot.agent.limits import LAST_WORD, Budget, Limits, TimeIsUp, until
from nanobot.agent.said import TOO_MANY, Said
from nanobot.agent.tool_files import ToolPictures
from nanobot.agent.tool_words import SHARE
from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Part, Record, Retract, Text, Thinking, ToolOutcome, ToolUse, Turn
from nanobot.contracts.meter import ORIGIN, Spender
from nanobot.contracts.model import Message, Request
from nanobot.conversations.traces import TurnTrace
from nanobot.conversations.transcript import Exchange, Recalled
from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.util.translate import translate

Tools = Sequence[Mapping[str, Any]]

CHANGES = 100  # the order of parts of the prompt from which on they change from turn to turn
FOR_THE_ANSWER = 0.15  # of the context window of a model
LEAST_ROOM = 1000  # characters; with less, a model is of no use
SUMMARY = "# Said longer ago in this conversation, in short\n\n{summary}"
LAST_ROUND = "{limit} Answer now, without tools, with what you know, and say what is missing."
USED_UP = {
    "rounds": "You have used up all your rounds of tool calls.",
    "calls": "You make the same calls again and again, with the same results.",
    "time": "The time for this is used up.",
    "tokens": "The tokens for this are used up.",
    "cost": "The money for this is used up.",
}
SAME_AGAIN = "You have made this very call before, and its result was the same. Do something else, or answer."


class Loop:
    """How one agent takes its turns. ``context``: tokens that the model may be told, roughly."""

    def __init__(
        self,
        hub: Hub,
        asking: Asking,
        toolbox: Toolbox,
        *,
        name: str = "nanobot",
        agent: str = "",
        instructions: str | None = None,
        template: Template | None = None,
        limits: Limits | None = None,
        steer: bool = False,
        compactor: Compactor | None = None,
        history: int = 50,
        context: int = 32_000,
    ) -> None:
        self.hub = hub
        self.asking = asking
        self.toolbox = toolbox
        self.agent = agent
        self.briefing = Briefing(
            hub,
            name=name,
            agent=agent,
            instructions=instructions,
            template=template,
            context=context,
            characters_per_token=prompt.CHARACTERS_PER_TOKEN,
        )
        self.limits = limits or Limits()
        self.steer = steer
        self.compactor = compactor
        self._tools: tuple[Tools, int] = ((), 0)
        """Those that were offered last, and how many characters they take."""
        self.history = history
        self.context = context

    def room(self, model: str | None = None) -> int:
        """Characters of all that is told: as many as are configured, or as few as the model is known to take."""
        found = self.hub.models.get(model or self.asking.wanted or next(iter(self.hub.models.names()), ""))
        window = None if found is None else found.context_window
        return (self.context if window is None else min(self.context, window)) * prompt.CHARACTERS_PER_TOKEN

    async def beginning(self, turn: Turn, running: str | None, limit: int) -> tuple[list[Piece], Recalled]:
        """The parts of the first message: the briefing, and what the session was about before. And what was said in it;
        ``running`` and ``limit`` as in ``Conversations.recall``. Both are looked for at once."""
        preparing = asyncio.ensure_future(self.briefing.parts(turn))
        try:
            recalled = await self.hub.conversations.recall(turn.session, running, limit)
            parts = await preparing
        finally:
            preparing.cancel()
        note = recalled.note
        pieces = self.briefing.fitted(parts, self.room(note.model))
        if note.summary and (turn.owner or not note.private):
            pieces.append(Piece("summary", CHANGES, SUMMARY.format(summary=note.summary)))
        return pieces, recalled

    async def ahead(self, turn: Turn) -> _Ahead:
        """What the turn begins with, as ``turn.ahead`` takes it."""
        return _Ahead(self, turn.session, *await self.beginning(turn, None, self.history))

    async def _begun(self, turn: Turn) -> tuple[list[Piece], Recalled]:
        if turn.ahead is not None:
            found = await turn.ahead
            if isinstance(found, _Ahead) and found.loop is self and found.session == turn.session:
                return found.pieces, found.recalled
        return await self.beginning(turn, turn.id, self.history + 1)

    async def respond(self, turn: Turn) -> AsyncGenerator[Part]:
        """Answer. Raises ``NoAnswer`` when no model does, and ``StorageError`` when nothing can be written down."""
        traces = self.hub.conversations.traces
        known = traces.running(turn.id)
        trace = known or traces.begin(turn.id, turn.session, self.agent)
        try:
            async with contextlib.aclosing(self._respond(turn, trace)) as parts:
                async for part in parts:
                    yield part
        finally:
            if known is None:  # whoever made the turn keeps no trace of it
                traces.end(turn.id)

    async def _respond(self, turn: Turn, trace: TurnTrace) -> AsyncGenerator[Part]:
        pieces, recalled = await self._begun(turn)
        exchanges, note = recalled.exchanges, recalled.note
        exchanges = exchanges if exchanges and exchanges[-1].id == turn.id else [*exchanges, _exchange(turn)]
        room = self.room(note.model)
        stable = "\n\n".join(piece.text for piece in pieces if piece.order < CHANGES)
        head = Message("system", "\n\n".join(piece.text for piece in pieces), stable=len(stable))
        toolbox = self.toolbox if turn.bounds is None else self.toolbox.narrowed(turn.bounds.tools)
        limits = self.limits.within(turn.bounds)
        heard = prompt.heard_by(turn, exchanges)
        toolbox.remember(turn, heard, note.summary)
        messages = [head, *turn.before, *prompt.conversation(heard)]
        steps = exchanges[-1].steps
        start = len(messages) - 1 - len(list(prompt.complete(steps)))
        files = await attached(self.hub, turn, room)
        asked_of = messages[start]
        messages[start] = replace(asked_of, content=f"{asked_of.content}\n\n{files.text}".strip(), images=files.images)
        length = prompt.size(messages)
        done = sum(step.role == "assistant" for step in steps)
        asker = _Asker(self, turn, trace, note.model, start)
        acted = any(toolbox.writes(call) for step in steps for call in step.tool_calls)
        budget = Budget(limits, trace)
        remark = ""
        for round_ in range(min(done, limits.rounds), limits.rounds + 1):
            trace.limit = budget.used_up(round_)
            tools = None if trace.limit else toolbox.offered(room // SHARE)
            trace.prompt = {piece.name: len(piece.text) for piece in pieces}
            talk = (length if round_ == done else prompt.size(messages)) - prompt.size(messages[:1])
            trace.prompt |= {"conversation": talk, "tools": self.size_of(tools)}
            trace.rounds += 1
            said = Said()
            asked_until = budget.deadline
            if trace.limit and asked_until is not None:
                asked_until = max(asked_until, asyncio.get_running_loop().time() + LAST_WORD)
            try:
                async with contextlib.aclosing(until(asked_until, asker.ask(messages, said, tools))) as parts:
                    async for part in parts:
                        yield part
            except TimeIsUp:
                trace.limit = "time"
                break
            except NoAnswer as error:
                error.acted = acted
                raise
            said.mend([tool["function"]["name"] for tool in tools or ()])
            calls = said.calls
            if not calls or trace.limit:
                break
            remark = said.text if said.text.strip() else remark
            yield Retract()
            asked = said.as_message()
            # before a call that changes something the disk knows of it: a crash must not make it happen twice
            yield Record(asked, wait=any(map(toolbox.writes, calls)))
            for call in calls:
                yield ToolUse(call.id, call.name, call.arguments)
            messages.append(asked)
            try:
                async with contextlib.aclosing(until(budget.deadline, toolbox.run(calls, turn))) as outcomes:
                    async for outcome in outcomes:
                        call = outcome.call
                        writes = toolbox.writes(call)
                        acted = acted or writes
                        told = self.hub.scrubber.scrub(call.arguments)
                        trace.called(call.name, told, outcome.seconds, len(outcome.text), failed=outcome.failed)
                        notes = [
                            said.remarks.get(call.id, ""),
                            SAME_AGAIN if budget.same(call.name, call.arguments, outcome.text) else "",
                            TOO_MANY if said.too_many and call.id == calls[-1].id else "",
                        ]
                        text = "\n\n".join(filter(None, (outcome.text, *notes)))
                        result = Message("tool", text, tool_call_id=call.id, files=outcome.files)
                        messages.append(result)
                        yield Record(result, wait=writes)
                        yield ToolOutcome(call.id, call.name, outcome.text, outcome.failed)
            except TimeIsUp:
                messages = list(prompt.complete(messages))
            if self.steer:
                messages += await self.hub.conversations.steer(turn)
        if self.compactor is not None and not turn.before:
            self.compactor.look_at(turn.session, len(exchanges), length)
        if not said.text.strip():  # it called tools to the very end; what it said on the way is better than nothing
            sentence = self._sentence(trace.limit or "rounds", limits, turn.language)
            yield Text(f"{remark.rstrip()}\n\n{sentence}".strip() if trace.limit == "time" else remark or sentence)
        elif trace.limit == "time" and said.finish is None:
            yield Text("\n\n" + self._sentence("time", limits, turn.language))
        elif said.finish == "length":
            yield Text("\n\n" + translate("agent.cut_off", turn.language))

    def size_of(self, tools: Tools | None) -> int:
        """The characters that tools take as they are sent."""
        if not tools:
            return 0
        if self._tools[0] is not tools:
            self._tools = (tools, len(orjson.dumps(tools)))
        return self._tools[1]

    def _sentence(self, limit: str, limits: Limits, language: str) -> str:
        """What the person is told of a limit without an answer."""
        minutes = round((limits.time or 0.0) / 60, 1)
        return translate(
            f"agent.limit_{limit}",
            language,
            rounds=limits.rounds,
            minutes=f"{minutes:g}",
            tokens=limits.tokens,
            cost=f"{limits.cost or 0.0:g}",
        )


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What ``Loop.ahead`` found: of use to the loop that looked, and for that session alone."""

    loop: Loop
    session: str
    pieces: list[Piece]
    recalled: Recalled


class _Asker:
    """Asks the model on behalf of one turn, and notes what that took."""

    def __init__(self, loop: Loop, turn: Turn, trace: TurnTrace, model: str | None, start: int) -> None:
        self._hub = loop.hub
        self._loop = loop
        self._asking = loop.asking.of(model) if model else loop.asking
        self._start = start
        self._pictures = ToolPictures(loop.hub)
        self._context = loop.context
        self._trace = trace
        origin = str(turn.extra.get(ORIGIN, ""))
        self._spender = Spender(
            agent=loop.agent,
            person="" if origin else turn.person,
            channel=turn.channel,
            session=turn.session,
            turn=turn.id,
            origin=origin,
        )

    async def ask(self, messages: Sequence[Message], said: Said, tools: Tools | None) -> AsyncGenerator[Part]:
        """One answer. A model that has less room than is configured is told less."""
        room = self._room(messages[0], tools)
        while True:
            try:
                request = await self._pictures.shown(self._request(messages, room, tools), room)
                async with contextlib.aclosing(self._stream(request, said)) as parts:
                    async for part in parts:
                        yield part
                return
            except NoAnswer as error:
                room = min(room, prompt.size(messages)) // 2
                if not error.too_long or room < LEAST_ROOM:
                    raise

    def _room(self, head: Message, tools: Tools | None) -> int:
        """Characters of the conversation: as many as are configured, or as few as the model is known to take."""
        room = self._context * prompt.CHARACTERS_PER_TOKEN
        name = self._asking.wanted or next(iter(self._hub.models.names()), "")
        model = self._hub.models.get(name)
        if model is None or model.context_window is None:
            return room
        beside = len(head.content) + self._loop.size_of(tools)
        window = int(model.context_window * prompt.CHARACTERS_PER_TOKEN * (1 - FOR_THE_ANSWER))
        return max(LEAST_ROOM, min(room, window - beside))

    def _request(self, messages: Sequence[Message], room: int, tools: Tools | None) -> Request:
        fitting = prompt.within(messages, room, self._start)
        if tools is None:  # in the last result: a message of its own would be taken for the person's
            why = LAST_ROUND.format(limit=USED_UP[self._trace.limit or "rounds"])
            fitting[-1] = replace(fitting[-1], content=f"{fitting[-1].content}\n\n{why}")
        told = self._told(fitting)
        return Request(told, tools or (), size=prompt.size(told) + self._loop.size_of(tools))

    def _told(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages without secrets, and without signs that are not ours; nearly always they are as they were."""
        scrub = self._hub.scrubber.scrub
        head, *rest = messages
        said = "\0".join([message.content for message in rest])
        if scrub(head.content) == head.content and scrub(prompt.without_signs(said)) == said:
            return messages  # nothing is in all of it, so nothing is in any
        return list(map(self._scrubbed, messages))

    def _scrubbed(self, message: Message) -> Message:
        scrub = self._hub.scrubber.scrub
        text = scrub(message.content if message.role == "system" else prompt.without_signs(message.content))
        if text == message.content:
            return message
        return replace(message, content=text, stable=len(scrub(message.content[: message.stable])))

    async def _stream(self, request: Request, said: Said) -> AsyncGenerator[Part]:
        clock = asyncio.get_running_loop().time
        began = clock()
        first: float | None = None
        usage: Mapping[str, int] = {}
        failed = True
        try:
            async with contextlib.aclosing(self._asking.stream(request, self._spender)) as deltas:
                async for delta in deltas:
                    first = clock() - began if first is None else first
                    if isinstance(delta, Again):
                        said.forget()
                        yield Retract()
                        continue
                    usage = delta.usage or usage
                    text = said.take(delta)
                    if delta.thinking:
                        yield Thinking(delta.thinking)
                    if text:
                        yield Text(text)
                    if said.is_full:
                        break
            failed = False
        finally:
            seconds = clock() - began
            self._trace.asked(seconds, seconds if first is None else first, usage, failed=failed)


def _exchange(turn: Turn) -> Exchange:
    """The running turn, where the transcript has not got it: it was read before, or a program made the turn."""
    return Exchange(0.0, turn.id, turn.sender, turn.sender_name, turn.text, turn.attachments)
