"""Talking to the agents, and which entities assistants may know of."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access

from ..kept import Kept


def nobody(call: SocketCall) -> None:
    """Nobody listens."""
    raise SocketError(sc.NOT_SUPPORTED, "add the key 'conversation:' to the configuration to talk over the API")


def agents(call: SocketCall) -> Any:
    """Who answers."""
    languages = [call.hub.language] if call.data.get("language") is None else [call.data["language"]]
    return {
        "agents": [{"id": name, "name": name, "supported_languages": languages} for name in call.hub.agents.names()]
    }


class Exposed:
    """Which entities clients have shown to which assistant. Our own agents have options of their own for that."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        return [
            SocketCommand(
                "homeassistant/expose_entity",
                self.expose,
                Access.ADMIN,
                vol.Schema(
                    {
                        vol.Required("assistants"): [vol.In(["conversation", "cloud.alexa", "cloud.google_assistant"])],
                        vol.Required("entity_ids"): [cv.entity_id],
                        vol.Required("should_expose"): bool,
                    }
                ),
            ),
            SocketCommand("homeassistant/expose_entity/list", self.list, Access.READ),
        ]

    def expose(self, call: SocketCall) -> None:
        """Show entities to assistants, or no longer."""
        for entity_id in call.data["entity_ids"]:
            if entity_id not in call.hub.states and entity_id not in self._kept.exposed:
                raise SocketError(sc.NOT_FOUND, f"there is no entity {entity_id}")
        for entity_id in call.data["entity_ids"]:
            choice = self._kept.exposed.setdefault(entity_id, {})
            choice.update(dict.fromkeys(call.data["assistants"], call.data["should_expose"]))
        self._kept.save()

    def list(self, call: SocketCall) -> Any:
        """Those that are shown."""
        shown = {}
        for entity_id, choice in self._kept.exposed.items():
            if to := {assistant: True for assistant, yes in choice.items() if yes}:
                shown[entity_id] = to
        return {"exposed_entities": shown}


STAND_INS = [SocketCommand("conversation/process", nobody, Access.USER, vol.Schema({}, extra=vol.ALLOW_EXTRA))]

COMMANDS = [
    SocketCommand(
        "conversation/agent/list",
        agents,
        Access.READ,
        vol.Schema({vol.Optional("language"): vol.Any(str, None), vol.Optional("country"): vol.Any(str, None)}),
    ),
]
