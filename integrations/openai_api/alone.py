"""A request that stands alone: the agent answers it with what the client brings, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from nanobot.contracts.agent import INSTRUCTIONS, Agent, Attach, Retract, Text, Thinking, ToolUse, Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.sentence import Heard
from nanobot.conversations.message import session_of
from nanobot.hub.causes import LONGEST, MessageCause
from nanobot.hub.context import ACTING, Context
from nanobot.hub.hub import Hub
from nanobot.util.ids import ulid
from nanobot.util.secrets import ScrubbedStream

from .asked import Talk
from .pieces import Piece


async def answer(
    hub: Hub,
    channel: str,
    agent: Agent,
    talk: Talk,
    attachments: tuple[Attachment, ...],
    *,
    sender: str,
    sender_name: str,
    owner: bool,
    context: Context,
) -> AsyncGenerator[Piece]:
    """The pieces of the answer, ``final`` last. Closing it cancels the turn. Raises what the agent does."""
    number = ulid()
    turn = Turn(
        id=number,
        session=session_of(channel, number),
        channel=channel,
        chat=number,
        sender=sender,
        text=talk.text,
        context=context,
        language=hub.language,
        sender_name=sender_name,
        attachments=attachments,
        owner=owner,
        extra={INSTRUCTIONS: talk.instructions} if talk.instructions else {},
        before=talk.before,
    )
    _note(hub, turn)
    ACTING.set(agent.name)  # whoever reloads the agent from within this turn must not wait for the turn to end
    heard = await _heard(hub, turn, agent.name)
    if heard is not None:
        yield Piece("text", heard)
        yield Piece("final", heard)
        return
    said: list[str] = []
    files: list[str] = []
    thoughts = ScrubbedStream(hub.scrubber)
    parts = agent.respond(turn)
    try:
        async for part in parts:
            if not isinstance(part, Thinking) and (rest := thoughts.rest()):
                yield Piece("thinking", rest)
            match part:
                case Text(text):
                    said.append(text)
                    yield Piece("text", text)
                case Retract():
                    said.clear()
                    yield Piece("retract")
                case Thinking(text):
                    if shown := thoughts.say(text):
                        yield Piece("thinking", shown)
                case ToolUse(name=name):
                    yield Piece("tool", hub.scrubber.scrub(name))
                case Attach(attachment):
                    files.append(f"[{attachment.name}]")  # better a name than silence
    finally:
        if close := getattr(parts, "aclose", None):
            await close()
    yield Piece("final", hub.scrubber.scrub("\n".join(["".join(said), *files]).strip()))


async def _heard(hub: Hub, turn: Turn, agent: str) -> str | None:
    """The answer of an automation that waits for this sentence: it comes before any agent's, as everywhere."""
    if not hub.sentences or turn.attachments:
        return None
    return await hub.sentences.answer(
        Heard(
            text=turn.text,
            language=turn.language,
            context=turn.context,
            conversation_id=turn.session,
            agent_id=agent,
            channel=turn.channel,
            chat=turn.chat,
            sender=turn.sender,
            owner=turn.owner,
        )
    )


def _note(hub: Hub, turn: Turn) -> None:
    """What the turn does leads back to this."""
    hub.causes.messages.append(
        MessageCause(
            hub.clock.time(),
            turn.id,
            "in",
            turn.channel,
            turn.chat,
            None,
            turn.sender,
            turn.text[:LONGEST],
            None,
            turn.context,
        )
    )
