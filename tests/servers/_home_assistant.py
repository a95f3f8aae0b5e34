"""A scripted Home Assistant for what no real one does on request: thousands of entities, an old release, silence.

Speaks the WebSocket API of release 2025.4. ``entities``: how many sensors there are beside ``light.desk``; ``old``: it
knows neither ``subscribe_entities`` nor several messages in a frame; ``starting``: it has not found all entities yet.
"""

from __future__ import annotations

import asyncio
import json
from ssl import SSLContext
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "scripted-token"
SERVICES = {
    "light": {
        "turn_on": {
            "name": "Turn on",
            "description": "Turns on lights.",
            "target": {"entity": [{"domain": ["light"]}]},
            "fields": {
                "brightness_pct": {"selector": {"number": {"min": 0, "max": 100}}, "description": "How bright."},
                "more": {"collapsed": True, "fields": {"flash": {"selector": {"select": {"options": ["long"]}}}}},
            },
        }
    },
    "notify": {"phone": {"fields": {"message": {"required": True, "selector": {"text": {}}}}}},
    "lock": {"unlock": {"fields": {}, "target": {"entity": [{"domain": ["lock"]}]}}},
    "weather": {"get_forecasts": {"fields": {}, "response": {"optional": False}}},
}


class Scripted:
    """``calls``: the data of each ``call_service``. ``is_silent``: it reads, and answers nothing from now on."""

    def __init__(self, *, entities: int = 3, old: bool = False, starting: bool = False) -> None:
        self.old, self.starting = old, starting
        self.token = TOKEN
        self.is_silent = False
        self.calls: list[dict[str, Any]] = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"
        self.states: dict[str, tuple[str, dict[str, Any]]] = {"light.desk": ("off", {"friendly_name": "Desk"})}
        for number in range(entities):
            attributes = {
                "friendly_name": f"Sensor {number}",
                "unit_of_measurement": "°C",
                "device_class": "temperature",
            }
            self.states[f"sensor.number_{number}"] = (str(number), attributes)
        self._followers: list[tuple[web.WebSocketResponse, int]] = []
        self._listeners: list[tuple[web.WebSocketResponse, int, str]] = []
        self._runner: web.AppRunner | None = None
        self._at = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def start(self, port: int = 0, tls: SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_get("/api/websocket", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self.port, ssl_context=tls)
        self.scheme = "https" if tls else "http"
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        for socket, _ in self._followers:
            await socket.close()
        self._followers.clear()
        self._listeners.clear()
        if self._runner is not None:
            await self._runner.cleanup()

    async def change(self, entity_id: str, state: str | None, **attributes: Any) -> None:
        """Change one; None removes it."""
        await self.change_all({entity_id: None if state is None else (state, attributes)})

    async def change_all(self, states: dict[str, tuple[str, dict[str, Any]] | None]) -> None:
        """Change several, told in one frame as a busy server does it."""
        added: dict[str, Any] = {}
        changed: dict[str, Any] = {}
        removed: list[str] = []
        for entity_id, new in states.items():
            if new is None:
                del self.states[entity_id]
                removed.append(entity_id)
                continue
            if entity_id in self.states:
                changed[entity_id] = {"+": {"s": new[0], **({"a": new[1]} if new[1] else {})}}
                self.states[entity_id] = (new[0], {**self.states[entity_id][1], **new[1]})
            else:
                self.states[entity_id] = new
                added[entity_id] = self._short(entity_id)
        told = {key: value for key, value in (("a", added), ("c", changed), ("r", removed)) if value}
        for socket, number in self._followers:
            await self._say(socket, {"id": number, "type": "event", "event": told})
        for entity_id in states:
            await self.fire("state_changed", {"entity_id": entity_id, "new_state": self._long(entity_id)})

    async def fire(self, event_type: str, data: dict[str, Any]) -> None:
        for socket, number, wanted in self._listeners:
            if wanted == event_type:
                event = {"event_type": event_type, "data": data}
                await self._say(socket, {"id": number, "type": "event", "event": event})

    # -- inside ---------------------------------------------------------------------------------

    def _short(self, entity_id: str) -> dict[str, Any]:
        state, attributes = self.states[entity_id]
        return {"s": state, "a": attributes, "c": "01", "lc": 1.0}

    def _long(self, entity_id: str) -> dict[str, Any] | None:
        if entity_id not in self.states:
            return None
        state, attributes = self.states[entity_id]
        self._at += 1
        at = f"2025-04-01T00:00:{self._at:09}"
        return {"entity_id": entity_id, "state": state, "attributes": attributes, "last_updated": at}

    async def _say(self, socket: web.WebSocketResponse, message: Any) -> None:
        if not self.is_silent and not socket.closed:
            await socket.send_str(json.dumps(message if self.old else [message]))

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        await socket.send_json({"type": "auth_required", "ha_version": "2025.4.4"})
        if (await socket.receive_json()).get("access_token") != self.token:
            await socket.send_json({"type": "auth_invalid", "message": "Invalid access token or password"})
            await socket.close()
            return socket
        await socket.send_json({"type": "auth_ok", "ha_version": "2021.1.0" if self.old else "2025.4.4"})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT and not self.is_silent:
                await self._answer(socket, json.loads(frame.data))
        self._followers = [one for one in self._followers if one[0] is not socket]
        self._listeners = [one for one in self._listeners if one[0] is not socket]
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        number, kind = asked["id"], asked["type"]
        result: Any = None
        match kind:
            case "ping":
                await self._say(socket, {"id": number, "type": "pong"})
                return
            case "get_config":
                result = {"state": "NOT_RUNNING" if self.starting else "RUNNING", "version": "2025.4.4"}
            case "get_services":
                result = SERVICES
            case "get_states":
                result = [self._long(entity_id) for entity_id in self.states]
            case "subscribe_events":
                self._listeners.append((socket, number, asked["event_type"]))
            case "call_service":
                self.calls.append(asked)
                if asked["service_data"].get("flash") == "for ever":
                    return
                if "brightnes_pct" in asked["service_data"]:
                    error = {"code": "invalid_format", "message": "extra keys not allowed @ data['brightnes_pct']"}
                    await self._say(socket, {"id": number, "type": "result", "success": False, "error": error})
                    return
                result = {"context": {"id": "01"}, "response": {"asked": asked["service_data"]}}
            case "subscribe_entities" if not self.old:
                await self._say(socket, {"id": number, "type": "result", "success": True, "result": None})
                told = {"a": {entity_id: self._short(entity_id) for entity_id in self.states}}
                await self._say(socket, {"id": number, "type": "event", "event": told})
                self._followers.append((socket, number))
                return
            case _:
                error = {"code": "unknown_command", "message": "Unknown command."}
                await self._say(socket, {"id": number, "type": "result", "success": False, "error": error})
                return
        await self._say(socket, {"id": number, "type": "result", "success": True, "result": result})


async def run(port: int) -> None:
    """Serve until cancelled."""
    await Scripted().start(port)
    await asyncio.Event().wait()
