"""Intents by name: what a program wants done, without a sentence for it (Home Assistant 2025.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.contracts.intent import Asked
from nanobot.errors import NanobotError, ServiceError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.util.translate import translate

SERVICES = {"HassTurnOn": "turn_on", "HassTurnOff": "turn_off", "HassToggle": "toggle"}
QUERY = "HassGetState"
BUILT_IN = (*SERVICES, QUERY)


async def handle(hub: Hub, name: str, asked: Asked) -> dict[str, Any]:
    """The response of an intent: of one that was added to the hub, else something turned on or off, or the state of
    something. Others are an error in it."""
    spoken = asked.language
    intent = hub.intents.get(name)
    if intent is not None:
        try:
            return _response(await intent.handle(asked), spoken, done=[])
        except NanobotError as error:
            return _response(hub.scrubber.scrub(str(error)), spoken, code="failed_to_handle")
    if name not in BUILT_IN:
        return _response(f"Unknown intent {name}", spoken, code="no_intent_match")
    found = _targets(hub, asked.slots)
    if not found:
        return _response(translate("component.conversation.not_understood", spoken), spoken, code="no_valid_targets")
    if name == QUERY:
        return _response(", ".join(f"{state.name}: {state.state}" for state in found), spoken, query=found)
    ids = [state.entity_id for state in found]
    try:
        await hub.services.call("homeassistant", SERVICES[name], {"entity_id": ids}, context=asked.context)
    except ServiceError as error:
        return _response(hub.scrubber.scrub(str(error)), spoken, code="failed_to_handle")
    return _response(translate("chat.done", spoken), spoken, done=found)


def _targets(hub: Hub, slots: Mapping[str, Any]) -> list[State]:
    """What the slots ``name`` (a name or entity id) and ``domain`` mean; neither of them means nothing."""
    name = str(slots.get("name") or "").strip().casefold()
    given = slots.get("domain") or ()
    domains = {given} if isinstance(given, str) else {str(one) for one in given}
    if not name and not domains:
        return []
    return [
        state
        for state in hub.states
        if (not name or name in (state.name.casefold(), state.entity_id)) and (not domains or state.domain in domains)
    ]


def _response(
    speech: str,
    language: str,
    *,
    code: str | None = None,
    done: list[State] | None = None,
    query: list[State] | None = None,
) -> dict[str, Any]:
    success = [{"name": state.name, "type": "entity", "id": state.entity_id} for state in done or query or ()]
    kind = "error" if code else "query_answer" if query is not None else "action_done"
    return {
        "speech": {"plain": {"speech": speech, "extra_data": None}},
        "card": {},
        "language": language,
        "response_type": kind,
        "data": {"code": code} if code else {"targets": [], "success": success, "failed": []},
    }
