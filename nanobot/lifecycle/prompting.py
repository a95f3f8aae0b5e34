"""Offers the command ``prompt``: what the model would be told now in a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Agent, Turn
from nanobot.contracts.command import Command, Connection
from nanobot.contracts.view import Access
from nanobot.conversations.latest import latest, sessions
from nanobot.conversations.message import Message
from nanobot.errors import NanobotError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.ids import ulid
from nanobot.util.text import nearest, shorten
from nanobot.util.translate import translate

_SCHEMA = vol.Schema(
    {
        vol.Optional("session"): vol.All(str, vol.Length(1, 500)),
        vol.Optional("agent"): vol.All(str, vol.Length(1, 200)),
        vol.Optional("language"): str,
    }
)


def offer_prompt(entry: Entry) -> None:
    """Add the command to the core's own entry."""
    hub = entry.hub

    async def asked(connection: Connection, data: Mapping[str, Any]) -> Any:
        return await told(hub, data.get("session"), data.get("agent"), data.get("language") or hub.language)

    entry.add(Command("prompt", asked, Access.ADMIN, _SCHEMA, "What the model would be told now in a session."))


async def told(hub: Hub, session: str | None, agent_name: str | None, language: str) -> Mapping[str, Any]:
    """Of the session, or of the one in which somebody wrote last. Raises ``NanobotError`` with a sentence."""
    message = await hub.conversations.database.read(latest(session))
    if message is None:
        known = await hub.conversations.database.read(sessions)
        near = nearest(session or "", known)
        key = "no_sessions" if not known else "no_session_near" if near else "no_session"
        raise NanobotError(translate(f"prompt.{key}", language, session=shorten(session), near=near))
    turn = Turn(
        id=ulid(),
        session=message.session,
        channel=message.channel,
        chat=message.chat,
        sender=message.sender,
        text=translate("prompt.next_message", language),
        context=Context(actor="system"),
        language=message.language or hub.language,
        thread=message.thread,
        sender_name=message.sender_name,
        owner=message.owner,
        group=message.group,
        person=hub.config.people.of(message.channel, message.sender),
    )
    agent = _agent(hub, agent_name, message, language)
    found = await agent.told(turn)
    if found is None:
        raise NanobotError(translate("prompt.no_model", language, agent=agent.name))
    return found


def _agent(hub: Hub, name: str | None, message: Message, language: str) -> Agent:
    """The one of that name, else whoever would answer the next message."""
    attendance = hub.conversations.workers.attendance
    agent = hub.agents.get(name or message.agent or "") or (None if name else attendance.choose())
    if agent is None:
        raise NanobotError(translate("prompt.no_agent", language))
    return agent if name or message.agent else attendance.meant(message, agent)
