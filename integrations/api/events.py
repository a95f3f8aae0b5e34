"""Events over REST: which types somebody listens to, and firing one."""

from __future__ import annotations

from aiohttp import web

from nanobot.hub.bus import MAX_TYPE_LENGTH
from nanobot.hub.hub import Hub
from nanobot.hub.states import STATE_CHANGED, as_change
from nanobot.hub.web import WebError, context_of, rights_of

from .answer import answer, body_of


class Events:
    """What is fired here has the origin REMOTE and acts for the user of the token."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def types(self, request: web.Request) -> web.Response:
        """``[{event, listener_count}]``."""
        counts = self._hub.bus.counts()
        if tracked := self._hub.states.tracked():
            counts[STATE_CHANGED] = counts.get(STATE_CHANGED, 0) + tracked
        return answer([{"event": name, "listener_count": count} for name, count in counts.items()])

    async def fire(self, request: web.Request) -> web.Response:
        """The body is the event's data."""
        event_type = request.match_info["event_type"]
        if not rights_of(request).may_fire(event_type):
            raise WebError(403, f"this token may not fire {event_type}")
        data = await body_of(request, "Event data should be valid JSON.")
        if data is not None and not isinstance(data, dict):
            raise WebError(400, "Event data should be a JSON object")
        if len(event_type) > MAX_TYPE_LENGTH:
            raise WebError(400, f"An event type has at most {MAX_TYPE_LENGTH} characters.")
        if event_type == STATE_CHANGED:
            try:
                data = as_change(data or {})
            except ValueError as error:
                raise WebError(400, str(error)) from error
        self._hub.bus.fire(event_type, data or {}, context_of(request), origin="REMOTE")
        return answer({"message": f"Event {event_type} fired."})
