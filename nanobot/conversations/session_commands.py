"""The chat commands about one conversation: undo, retry, compact, model, agent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nanobot.contracts.agent import Asked
from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.contracts.tool import Risk
from nanobot.conversations.message import Message
from nanobot.errors import NanobotError
from nanobot.util.text import nearest, one_line
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.contracts.agent import Agent
    from nanobot.hub.hub import Hub

ENDS_WITHIN = 5.0  # s for a turn that was stopped
COMPACTS_WITHIN = 25.0  # s; it goes on in the background after that
SHOWN = 80  # characters of a message
DEFAULT = "default"


def session_commands(hub: Hub) -> list[ChatCommand]:
    """Those that are there without any integration."""

    async def undo(call: CommandCall) -> str:
        message = await _last(hub, call)
        call.writes.append(hub.conversations.inbox.forget(message))
        text = one_line(message.text, SHOWN)
        return _and_done(translate("chat.undone", call.language, text=text), await _acts(hub, message), call)

    async def retry(call: CommandCall) -> str:
        message = await _last(hub, call)
        if message.sender != call.sender:
            raise NanobotError(translate("chat.retry_not_yours", call.language))
        acts = await _acts(hub, message)
        call.writes.append(hub.conversations.inbox.forget(message))
        hub.conversations.again(message, call)
        return _and_done(translate("chat.retried", call.language, text=one_line(message.text, SHOWN)), acts, call)

    async def compact(call: CommandCall) -> str:
        agent = hub.conversations.workers.agent_of(call.session)
        if agent is None:
            raise NanobotError(translate("chat.no_agent", call.language))
        task = hub.tasks.spawn(_compacted(agent, call.session), f"compact {call.session}")
        try:
            async with asyncio.timeout(COMPACTS_WITHIN):
                compacted = await asyncio.shield(task)
        except TimeoutError:
            return translate("chat.compacting", call.language)
        if isinstance(compacted, NanobotError):
            raise compacted
        return translate("chat.compacted" if compacted else "chat.nothing_to_compact", call.language)

    async def model(call: CommandCall) -> str:
        if not call.arguments:
            return await _models(hub, call)
        if not call.owner:
            raise NanobotError(translate("chat.owners_only", call.language, name=f"model {DEFAULT}"))
        name = call.arguments
        if name == DEFAULT:
            call.writes.append(hub.conversations.notes.changed(call.session, model=None))
            return translate("chat.model_default", call.language)
        if name not in hub.models:
            near = nearest(name, hub.models.names())
            key = "agent.unknown_model_near" if near else "agent.unknown_model"
            raise NanobotError(translate(key, call.language, name=one_line(name, SHOWN), near=near))
        call.writes.append(hub.conversations.notes.changed(call.session, model=name))
        return translate("chat.model_chosen", call.language, name=name)

    async def agent(call: CommandCall) -> str:
        notes, names = hub.conversations.notes, _usable(hub, call)
        if not call.arguments:
            chosen = notes.agent(call.session)
            key = "chat.agent_is" if chosen else "chat.agent_is_default"
            return translate(key, call.language, name=chosen, names=", ".join(names) or "–")
        name = None if call.arguments == DEFAULT else call.arguments
        if name is not None and name not in names:
            near = nearest(name, names)
            key = "chat.unknown_agent_near" if near else "chat.unknown_agent"
            raise NanobotError(translate(key, call.language, name=one_line(name, SHOWN), near=near))
        if call.group and not call.owner:
            raise NanobotError(translate("chat.owners_only", call.language, name="agent"))
        call.writes.append(notes.changed(call.session, agent=name))
        call.done.append(lambda written: notes.knows(call.session, agent=name) if written else None)
        return translate("chat.agent_chosen" if name else "chat.agent_default", call.language, name=name)

    return [
        ChatCommand("undo", undo, "chat.commands.undo"),
        ChatCommand("retry", retry, "chat.commands.retry"),
        ChatCommand("compact", compact, "chat.commands.compact"),
        ChatCommand("model", model, "chat.commands.model"),
        ChatCommand("agent", agent, "chat.commands.agent"),
    ]


def _usable(hub: Hub, call: CommandCall) -> list[str]:
    """The agents that whoever asks may choose: for an owner all of them, for anybody else those that answer them
    anyway, by configuration or by a route, and those that these may hand the conversation over to."""
    if call.owner:
        return sorted(hub.agents.names())
    asked = Asked(call.channel, call.chat, hub.config.people.of(call.channel, call.sender), "", call.owner)
    usual = hub.conversations.workers.attendance.choose()
    own = [agent for agent in hub.agents if agent is usual or (agent.routed and agent.wants(asked))]
    names = {agent.name for agent in own} | {name for agent in own for name in agent.hands_over_to}
    return sorted(names & set(hub.agents.names()))


async def _compacted(agent: Agent, session: str) -> bool | NanobotError:
    """An error is given back: by then there may be nobody who waits for it."""
    try:
        return await agent.compact(session)
    except NanobotError as error:
        return error


async def _last(hub: Hub, call: CommandCall) -> Message:
    """The last message that had a turn; one that runs is stopped. Only whoever wrote it, or an owner, may ask."""
    run = hub.conversations.workers.running(call.session)
    if run is not None and await hub.conversations.stop(call.session):
        await asyncio.wait([run.ended], timeout=ENDS_WITHIN)
    message = await hub.conversations.inbox.last(call.session)
    if message is None or message.seq <= (await hub.conversations.notes.of(call.session)).until:
        raise NanobotError(translate("chat.nothing_said", call.language))
    if not call.owner and message.sender != call.sender:
        raise NanobotError(translate("chat.not_yours", call.language))
    return message


async def _acts(hub: Hub, message: Message) -> list[str]:
    """The tools that changed something in the turn of a message; what they did stays done."""
    used: dict[str, None] = {}
    for step in await hub.conversations.steps.of(message.id):
        for one in step.tool_calls:
            tool = hub.tools.get(one.name)
            if tool is None or tool.risk is not Risk.READ:
                used[one.name] = None
    return list(used)


def _and_done(text: str, acts: list[str], call: CommandCall) -> str:
    return f"{text} {translate('chat.stays_done', call.language, tools=', '.join(acts))}" if acts else text


async def _models(hub: Hub, call: CommandCall) -> str:
    note = await hub.conversations.notes.of(call.session)
    names = hub.models.names()
    if not names:
        return translate("agent.no_model", call.language)
    key = "chat.model_is" if note.model else "chat.model_is_default"
    return translate(key, call.language, name=note.model, names=", ".join(sorted(names)))
