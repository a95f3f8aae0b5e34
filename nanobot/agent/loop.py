"""The loop of a turn: ask the model, do what it asks for, ask again, until there is an answer."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nanobot.agent import prompt
from nanobot.agent.asking import Again, Asking, NoAnswer
from nanobot.agent.briefing import Briefing, Piece
from nanobot.agent.said import TOO_MANY, Said
from nanobot.agent.toolbox import Outcome, Toolbox
from nanobot.contracts.agent import Part, Record, Retract, Text, Thinking, ToolOutcome, ToolUse, Turn
from nanobot.contracts.model import Message, Request
from nanobot.conversations.transcript import Exchange
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

Tools = Sequence[Mapping[str, Any]]

ROUNDS = 20
LEAST_ROOM = 1000  # characters; with less, a model is of no use
SAME_CALLS = 3  # times that a call with the same result is made before the model is told to stop it
LAST_ROUND = (
    "You have used up all your rounds of tool calls. Answer now, without tools, with what you know, and say what is"
    " missing."
)
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
        agent: str = "agent",
        instructions: str | None = None,
        template: str | None = None,
        rounds: int = ROUNDS,
        history: int = 50,
        context: int = 32_000,
    ) -> None:
        self.hub = hub
        self.asking = asking
        self.toolbox = toolbox
        self.briefing = Briefing(
            hub,
            name=name,
            agent=agent,
            instructions=instructions,
            template=template,
            context=context,
            characters_per_token=prompt.CHARACTERS_PER_TOKEN,
        )
        self.rounds = rounds
        self.history = history
        self.context = context

    async def respond(self, turn: Turn) -> AsyncGenerator[Part]:
        """Answer. Raises ``NoAnswer`` when no model does, and ``StorageError`` when nothing can be written down."""
        exchanges = await self.hub.conversations.transcript(turn.session, turn.id, self.history + 1)
        exchanges = exchanges if exchanges and exchanges[-1].id == turn.id else [*exchanges, _exchange(turn)]
        head = await self.briefing.message(turn)
        toolbox, rounds = self.toolbox, self.rounds
        if turn.bounds is not None:
            toolbox = toolbox.narrowed(turn.bounds.tools)
            rounds = rounds if turn.bounds.rounds is None else min(rounds, turn.bounds.rounds)
        messages = [head, *turn.before, *prompt.conversation(prompt.heard_by(turn, exchanges))]
        steps = exchanges[-1].steps
        done = sum(step.role == "assistant" for step in steps)
        acted = any(toolbox.writes(call) for step in steps for call in step.tool_calls)
        made: Counter[tuple[str, str, str]] = Counter()
        remark = ""
        for round_ in range(min(done, rounds), rounds + 1):
            last = round_ >= rounds
            said = Said()
            async with contextlib.aclosing(self._ask(messages, said, None if last else toolbox.offered())) as parts:
                try:
                    async for part in parts:
                        yield part
                except NoAnswer as error:
                    error.acted = acted
                    raise
            calls = said.calls
            if not calls or last:
                break
            remark = said.text if said.text.strip() else remark
            yield Retract()
            asked = said.as_message()
            # before a call that changes something the disk knows of it: a crash must not make it happen twice
            yield Record(asked, wait=any(map(toolbox.writes, calls)))
            for call in calls:
                yield ToolUse(call.id, call.name, call.arguments)
            messages.append(asked)
            async with contextlib.aclosing(toolbox.run(calls, turn)) as outcomes:
                async for outcome in outcomes:
                    writes = toolbox.writes(outcome.call)
                    acted = acted or writes
                    note = TOO_MANY if said.too_many and outcome.call.id == calls[-1].id else ""
                    result = Message("tool", _noted(outcome, made, note), tool_call_id=outcome.call.id)
                    messages.append(result)
                    yield Record(result, wait=writes)
                    yield ToolOutcome(outcome.call.id, outcome.call.name, outcome.text, outcome.failed)
        if not said.text.strip():  # it called tools to the very end; what it said on the way is better than nothing
            yield Text(remark or translate("agent.too_many_rounds", turn.language, rounds=rounds))
        elif said.finish == "length":
            yield Text("\n\n" + translate("agent.cut_off", turn.language))

    def _request(self, messages: Sequence[Message], room: int, tools: Tools | None) -> Request:
        fitting = prompt.within(messages, room)
        if tools is None:  # in the last result: a message of its own would be taken for the person's
            fitting[-1] = replace(fitting[-1], content=f"{fitting[-1].content}\n\n{LAST_ROUND}")
        scrub, plain = self.hub.scrubber.scrub, prompt.without_signs
        told = [
            Message(m.role, scrub(m.content if m.role == "system" else plain(m.content)), m.tool_calls, m.tool_call_id)
            for m in fitting
        ]
        return Request(told, tools or ())

    async def _ask(self, messages: Sequence[Message], said: Said, tools: Tools | None) -> AsyncGenerator[Part]:
        """One answer. A model that has less room than is configured is told less."""
        room = self.context * prompt.CHARACTERS_PER_TOKEN
        while True:
            try:
                async with contextlib.aclosing(self._stream(self._request(messages, room, tools), said)) as parts:
                    async for part in parts:
                        yield part
                return
            except NoAnswer as error:
                room = min(room, prompt.size(messages)) // 2
                if not error.too_long or room < LEAST_ROOM:
                    raise

    async def _stream(self, request: Request, said: Said) -> AsyncGenerator[Part]:
        async with contextlib.aclosing(self.asking.stream(request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Again):
                    said.forget()
                    yield Retract()
                    continue
                text = said.take(delta)
                if delta.thinking:
                    yield Thinking(delta.thinking)
                if text:
                    yield Text(text)
                if said.is_full:
                    return


def _exchange(turn: Turn) -> Exchange:
    """The running turn, where its session is not that of the message (a turn made by a program)."""
    return Exchange(0.0, turn.id, turn.sender, turn.sender_name, turn.text, turn.attachments)


def _noted(outcome: Outcome, made: Counter[Any], note: str) -> str:
    """The result as the model reads it; one that it has read often enough says so."""
    key = (outcome.call.name, outcome.call.arguments, outcome.text)
    made[key] += 1
    notes = (SAME_AGAIN if made[key] >= SAME_CALLS else "", note)
    return "\n\n".join(filter(None, (outcome.text, *notes)))
