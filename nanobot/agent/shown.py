"""What a model would be told now, laid open for the person who runs nanobot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nanobot.agent import prompt
from nanobot.agent.models.pictures import TOKENS
from nanobot.agent.prompt import CHARACTERS_PER_TOKEN
from nanobot.agent.tool_files import ToolPictures
from nanobot.agent.tool_words import SHARE
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import Message, Request
from nanobot.conversations.transcript import Exchange

if TYPE_CHECKING:
    from nanobot.agent.loop import Loop


async def shown(loop: Loop, turn: Turn) -> dict[str, Any]:
    """The parts of the briefing, the conversation and the tools as a request of this turn would have them; each with
    its size in characters and, roughly, in tokens. Secrets are replaced as they are in the request. JSON-able."""
    scrub = loop.hub.scrubber.scrub
    pieces, recalled = await loop.beginning(turn, None, loop.history)
    exchanges, room = recalled.exchanges, loop.room(recalled.note.model)
    running = Exchange(0.0, turn.id, turn.sender, turn.sender_name, turn.text, turn.attachments)
    head = Message("system", "")
    said = [head, *turn.before, *prompt.conversation(prompt.heard_by(turn, [*exchanges, running]))]
    request = await ToolPictures(loop.hub).shown(Request(prompt.within(said, room)), room)
    model = loop.hub.models.get(recalled.note.model or loop.asking.wanted or next(iter(loop.hub.models.names()), ""))
    fitting = (request if model is not None and model.sees else request.without_images()).messages[1:]
    toolbox = loop.toolbox if turn.bounds is None else loop.toolbox.narrowed(turn.bounds.tools)
    tools = toolbox.offered(room // SHARE)
    parts = [{"name": piece.name, "left_out": piece.left_out, **_sized(scrub(piece.text))} for piece in pieces]
    talk = {"messages": [_told(message, scrub) for message in fitting], "left_out": len(said) - 1 - len(fitting)}
    pictures = sum(len(message.images) for message in fitting) * TOKENS * CHARACTERS_PER_TOKEN
    sizes = {"conversation": prompt.size(fitting) + pictures, "tools": loop.size_of(tools)}
    total = sum(part["characters"] for part in parts) + sum(sizes.values())
    return {
        "agent": loop.agent,
        "session": turn.session,
        "parts": parts,
        "conversation": {**talk, **_size(sizes["conversation"])},
        "tools": {"functions": list(tools), **_size(sizes["tools"])},
        **_size(total),
    }


def _told(message: Message, scrub: Any) -> Mapping[str, Any]:
    calls: Sequence[Mapping[str, str]] = [
        {"name": call.name, "arguments": scrub(call.arguments)} for call in message.tool_calls
    ]
    told: dict[str, Any] = {"role": message.role, "content": scrub(prompt.without_signs(message.content))}
    pictures = [image.media_type for image in message.images]
    return told | ({"tool_calls": calls} if calls else {}) | ({"pictures": pictures} if pictures else {})


def _sized(text: str) -> dict[str, Any]:
    return {"text": text, **_size(len(text))}


def _size(characters: int) -> dict[str, int]:
    return {"characters": characters, "tokens": -(-characters // CHARACTERS_PER_TOKEN)}
