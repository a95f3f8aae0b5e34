"""A request in a session: which session that is, and what makes a repetition known as one."""

from __future__ import annotations

import hashlib
import re

from aiohttp import web

from nanobot.contracts.agent import INSTRUCTIONS, Agent
from nanobot.contracts.channel import Incoming
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.web import context_of
from nanobot.storage.credentials import Identity
from nanobot.util.aio import in_thread
from nanobot.util.ids import ulid

from . import files
from .asked import Asked
from .channel import SessionChannel
from .errors import ApiError
from .exchange import Exchange

MAX_KEY = 256  # characters of an Idempotency-Key
SMALL = 64 * 1024  # bytes of a body that is taken in at once: a thread takes longer to wake than it has to do

_PLAIN = re.compile(r"[\w.@-]{1,64}", re.ASCII)


class Sessions:
    """History is ours there: the last message of the user is the turn, and all before it is passed over."""

    def __init__(self, entry: Entry, channel: SessionChannel) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._channel = channel

    async def say(self, request: web.Request, asked: Asked, agent: Agent, identity: Identity) -> Exchange:
        """Hand over the message; it is on disk when this returns. Raises ``NanobotError``."""
        context, talk, chat = context_of(request), asked.talk, self._chat(asked, identity)
        message_id, is_old = await self._message_id(request, chat)
        kept = () if is_old else await files.keep(self._hub, self._entry.id, agent, talk.files, self._hub.language)
        incoming = Incoming(
            chat=chat,
            sender=identity.user_id,
            sender_name=identity.name,
            text=talk.text,
            message_id=message_id,
            attachments=kept,
            owner=identity.may(Access.ADMIN),
            extra={INSTRUCTIONS: talk.instructions} if talk.instructions else {},
            agent=agent.name,
            user_id=context.user_id,
            actor=context.actor,
        )
        try:
            return await self._channel.say(incoming)
        except NanobotError:
            await self._hub.media.drop(*kept)
            raise

    def _chat(self, asked: Asked, identity: Identity) -> str:
        """Two tokens that choose the same name mean two sessions, unless the configuration has them share theirs."""
        name = asked.session or ""
        if not _PLAIN.fullmatch(name):
            name = "~" + hashlib.sha256(name.encode()).hexdigest()[:32]
        return f"{identity.user_id if self._entry.config['share_sessions'] else identity.id}/{name}"

    async def _message_id(self, request: web.Request, chat: str) -> tuple[str, bool]:
        """What makes a repetition known as one, and whether this is one: the client's own key, or the word of OpenAI's
        clients that they say the same once more because they got no answer."""
        key = request.headers.get("Idempotency-Key", "")
        if key:
            if len(key) > MAX_KEY:
                raise ApiError(400, f"an Idempotency-Key has {MAX_KEY} characters at most", param="Idempotency-Key")
            message_id = "key:" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
            return message_id, await self._channel.knows(chat, message_id)
        body = await request.read()
        digest = (hashlib.sha256(body) if len(body) <= SMALL else await in_thread(hashlib.sha256, body)).hexdigest()[
            :32
        ]
        again = request.headers.get("X-Stainless-Retry-Count", "0")
        if again.isascii() and again.isdigit() and int(again[:9]) > 0:
            known = await self._channel.unanswered(chat, digest)
            if known is not None:
                return known, True
        return f"{ulid()}.{digest}", False
