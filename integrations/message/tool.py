"""The tool ``message``: say something before the turn is over, or to somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.conversations.contacts import Contact, contacts, knows
from nanobot.errors import NanobotError, ToolError
from nanobot.hub.hub import Hub
from nanobot.storage.media import size_text
from nanobot.util.text import nearest, shorten

MAX_TEXT = 20_000  # characters
MAX_FILES = 10
SHOWN = 12  # contacts that an error names


def _no_command(label: str) -> str:
    """A press comes in as a message with the text of the label: that must not be a command that somebody else wrote."""
    if label.lstrip().startswith("/"):
        raise vol.Invalid("a label cannot begin with '/'")
    return label


LABELS = vol.All([vol.All(str, vol.Length(min=1, max=60), _no_command)], vol.Length(max=10))


class SendMessage(Tool):
    """On disk when it says so, and delivered when the channel is there."""

    name = "message"
    description = (
        "Send a message at once: progress or files to this chat, or a text to another. Your answer is sent anyway."
    )
    risk = Risk.OUTSIDE
    guards_guests = True
    parameters = vol.Schema(
        {
            vol.Required("text"): vol.All(str, vol.Length(max=MAX_TEXT)),
            vol.Optional("files", description="paths"): vol.All([str], vol.Length(max=MAX_FILES)),
            vol.Optional("buttons", description="answers to choose from"): LABELS,
            vol.Optional("channel"): str,
            vol.Optional("chat", description="id or name"): str,
        }
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        channel, chat = await self._whereto(arguments.get("channel", ""), arguments.get("chat", ""), turn)
        here = (channel, chat) == (turn.channel, turn.chat)
        files = [await self._attachment(path, channel, turn) for path in arguments.get("files", ())]
        try:
            await self._hub.conversations.send(
                channel,
                chat,
                arguments["text"],
                thread=turn.thread if here else None,
                session=turn.session if here else None,
                attachments=files,
                buttons=arguments.get("buttons", ()),
                context=turn.context.child("agent"),
            )
        except NanobotError as error:
            raise ToolError(str(error)) from error
        if channel not in self._hub.channels:
            return ToolResult(f"{channel} is not there right now; it is sent when it is back.")
        return ToolResult("Sent." if here else f"Sent to {chat} on {channel}.")

    def risk_of(self, arguments: Mapping[str, Any]) -> Risk:
        """Where no other chat is named, it is said in the conversation in which the agent is asked."""
        return Risk.OUTSIDE if arguments.get("channel") or arguments.get("chat") else Risk.WRITE

    def acts(self, arguments: Mapping[str, Any], turn: Turn) -> Sequence[tuple[str, Risk]]:
        """To answer in the chat where it is asked is never outside."""
        channel = arguments.get("channel", "").strip() or turn.channel
        chat = arguments.get("chat", "").strip() or (turn.chat if channel == turn.channel else "")
        here = (channel, chat) == (turn.channel, turn.chat)
        return ((self.name, Risk.WRITE if here else self.risk_of(arguments)),)

    def summary(self, arguments: Mapping[str, Any]) -> str:
        """To whom, and the whole text."""
        whereto = [f"{key}: {arguments[key]}" for key in ("channel", "chat") if arguments.get(key)]
        lines = [", ".join([self.name, *whereto]), arguments["text"]]
        lines += [f"file: {path}" for path in arguments.get("files", ())]
        lines += [f"button: {label}" for label in arguments.get("buttons", ())]
        return "\n".join(lines)

    # -- inside ---------------------------------------------------------------------------------

    async def _whereto(self, channel: str, chat: str, turn: Turn) -> tuple[str, str]:
        """The chat that is meant. Raises ``ToolError`` for one that this turn may not write to."""
        channel = channel.strip() or turn.channel
        chat = chat.strip() or (turn.chat if channel == turn.channel else "")
        if (channel, chat) == (turn.channel, turn.chat):
            return channel, chat
        if not turn.owner:
            raise ToolError("Only the people who run nanobot may have it write to other chats.")
        if chat and await knows(self._hub, channel, chat):
            return channel, chat
        known = await contacts(self._hub)
        on_channel = [contact for contact in known if contact.channel == channel]
        meant = [contact for contact in on_channel if not chat or contact.name.casefold() == chat.casefold()]
        if len(meant) == 1:
            return channel, meant[0].chat
        if not on_channel:
            near = nearest(channel, self._hub.channels.names())
            hint = f" Did you mean {near}?" if near and near != channel else ""
            raise ToolError(f"Nobody on {shorten(channel)} has written to nanobot.{hint}{_listed(known)}")
        problem = f"There is no chat {shorten(chat)} that may be written to." if chat else "Which chat is meant?"
        raise ToolError(problem + _listed(on_channel))

    async def _attachment(self, path: str, channel: str, turn: Turn) -> Attachment:
        workspace = next(iter(self._hub.workspaces), None)
        if workspace is None:
            raise ToolError("Files cannot be sent: the integration 'files' is not configured.")
        there = self._hub.channels.get(channel)
        if there is not None and there.limits.attachments < 1:
            raise ToolError(f"{channel} cannot carry files.")
        found = await workspace.attachment(path, turn)
        if there is not None and found.size_bytes > there.limits.attachment_bytes:
            most = size_text(there.limits.attachment_bytes)
            raise ToolError(f"{path} has {size_text(found.size_bytes)}; {channel} carries {most} at most.")
        return found


def _listed(known: list[Contact]) -> str:
    if not known:
        return ""
    return (
        " There are: "
        + "; ".join(f"{c.channel} {c.chat} ({' '.join(c.name.split())[:40]})" for c in known[:SHOWN])
        + "."
    )
