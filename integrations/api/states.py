"""States over REST: read one or all, write any, remove any. What integrations write later counts over it."""

from __future__ import annotations

from aiohttp import web

from nanobot.hub.hub import Hub
from nanobot.hub.shapes import all_states_json, state_json, states_json
from nanobot.hub.states import is_entity_id
from nanobot.hub.web import WebError, context_of, rights_of

from .answer import answer, body_of, raw

NOT_FOUND = "Entity not found."


class StateViews:
    """A state that is set here belongs to no integration: nothing acts on it, and a restart forgets it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def all(self, request: web.Request) -> web.Response:
        """All states, each encoded once for all who read it."""
        states, rights = self._hub.states, rights_of(request)
        if rights.scope.entities is None:
            return raw(all_states_json(states))
        return raw(states_json(state for state in states if rights.may_see(state.entity_id)))

    async def one(self, request: web.Request) -> web.Response:
        """404 when there is no such entity."""
        state = self._hub.states.get(request.match_info["entity_id"])
        if state is None or not rights_of(request).may_see(state.entity_id):
            raise WebError(404, NOT_FOUND)
        return raw(state_json(state))

    async def write(self, request: web.Request) -> web.Response:
        """``{state, attributes?, force_update?}``; 201 and ``Location`` for a new one. Other keys are ignored."""
        entity_id = request.match_info["entity_id"].lower()
        data = await body_of(request, "Invalid JSON specified.")
        if data is None:
            raise WebError(400, "Invalid JSON specified.")
        if not isinstance(data, dict):
            raise WebError(400, "Invalid JSON specified: it has to be an object.")
        if data.get("state") is None:
            raise WebError(400, "No state specified.")
        if not is_entity_id(entity_id):
            raise WebError(400, "Invalid entity ID specified.")
        attributes = data.get("attributes")
        if attributes is not None and not isinstance(attributes, dict):
            raise WebError(400, "Invalid attributes specified: they have to be an object.")
        is_new = entity_id not in self._hub.states
        force = data.get("force_update") is True
        try:
            self._hub.states.set(entity_id, data["state"], attributes, context_of(request), force=force)
        except ValueError as error:
            raise WebError(400, f"Invalid state specified: {error}.") from error
        state = self._hub.states.get(entity_id)
        if state is None:  # somebody who listens removed it at once
            raise WebError(404, NOT_FOUND)
        return raw(state_json(state), 201 if is_new else 200, headers={"Location": f"/api/states/{entity_id}"})

    async def remove(self, request: web.Request) -> web.Response:
        """404 when there is no such entity."""
        if not self._hub.states.remove(request.match_info["entity_id"].lower(), context_of(request)):
            raise WebError(404, NOT_FOUND)
        return answer({"message": "Entity removed."})
