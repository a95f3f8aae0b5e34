"""One thing said and its answer, in the shape of Home Assistant's ``conversation.process`` (2025.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.sentence import Heard
from nanobot.contracts.service import ServiceCall
from nanobot.contracts.view import Access
from nanobot.errors import InvalidServiceData
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.util.ids import ulid
from nanobot.util.text import nearest
from nanobot.util.translate import translate

from .channel import ConversationChannel, Said

MAX_TEXT = 64_000  # characters
DEFAULT_AGENTS = ("homeassistant", "conversation.home_assistant")

_ID = vol.All(cv.string, vol.Length(min=1, max=64))
SCHEMA = vol.Schema(
    {
        vol.Required("text"): vol.All(cv.string, vol.Length(max=MAX_TEXT)),
        vol.Optional("language"): cv.string,
        vol.Optional("agent_id"): cv.string,
        vol.Optional("conversation_id"): vol.Any(None, _ID),
    }
)
FIELDS: Mapping[str, Any] = {
    "text": {"required": True, "example": "Turn on the coffee machine", "selector": {"text": None}},
    "language": {"example": "en", "selector": {"text": None}},
    "agent_id": {"selector": {"conversation_agent": None}},
    "conversation_id": {"example": "my_conversation", "selector": {"text": None}},
}


class Conversation:
    """Sentences that somebody waits for come first, then the agents of the hub, as for any other message."""

    def __init__(self, hub: Hub, channel: ConversationChannel) -> None:
        self._hub = hub
        self._channel = channel

    async def service(self, call: ServiceCall) -> Mapping[str, Any]:
        """``conversation.process``, with the rights of whoever called it; an automation has those of a guest."""
        rights = call.context.rights
        owner = rights is not None and rights.may(Access.ADMIN) and not rights.is_narrow
        return await self.process(call.data, call.context, owner=owner)

    async def process(self, data: Mapping[str, Any], context: Context, *, owner: bool) -> Mapping[str, Any]:
        """``{response, conversation_id, continue_conversation}``; ``data`` has passed ``SCHEMA``."""
        self._check_agent(data.get("agent_id"))
        conversation_id = data.get("conversation_id") or ulid()
        language = data.get("language") or self._hub.language
        said = await self._said(data, conversation_id, language, context, owner)
        return {
            "response": self._response(said, language),
            "conversation_id": conversation_id,
            "continue_conversation": said.outcome == "answered" and said.text.rstrip().endswith(("?", "？")),
        }

    async def _said(
        self, data: Mapping[str, Any], conversation_id: str, language: str, context: Context, owner: bool
    ) -> Said:
        text = data["text"]
        sender = context.user_id or context.actor
        heard = Heard(
            text=text,
            language=language,
            context=context,
            conversation_id=conversation_id,
            agent_id=data.get("agent_id") or DEFAULT_AGENTS[1],
            channel=self._channel.name,
            chat=conversation_id,
            sender=sender,
            owner=owner,
        )
        answer = await self._hub.sentences.answer(heard)
        if answer is not None:
            return Said(answer)
        if not text.strip() or (not len(self._hub.agents) and not self._hub.agents.just_left(5.0)):
            return Said(translate("component.conversation.not_understood", language), understood=False)
        return await self._channel.ask(conversation_id, text, sender=sender, language=data.get("language"), owner=owner)

    def _check_agent(self, agent_id: str | None) -> None:
        names = self._hub.agents.names()
        if agent_id is not None and agent_id not in names and agent_id not in DEFAULT_AGENTS:
            near = nearest(agent_id, names)
            hint = f"; did you mean '{near}'?" if near else ""
            raise InvalidServiceData(f"there is no agent '{agent_id}'{hint}")

    def _response(self, said: Said, language: str) -> dict[str, Any]:
        data: dict[str, Any]
        if not said.understood:
            kind, data = "error", {"code": "no_intent_match"}
        elif said.outcome in ("answered", "empty"):
            kind, data = "action_done", {"targets": [], "success": [], "failed": []}
        else:
            kind, data = "error", {"code": "unknown"}
        return {
            "speech": {"plain": {"speech": said.text, "extra_data": None}},
            "card": {},
            "language": language,
            "response_type": kind,
            "data": data,
        }
