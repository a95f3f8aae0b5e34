"""What is configured, in the shape of Home Assistant's config entries. It is all from YAML: there are no flows."""

from __future__ import annotations

from aiohttp import web

from nanobot.hub.hub import Hub
from nanobot.hub.shapes import config_entry_dict
from nanobot.hub.web import WebError, context_of

from .answer import answer


class ConfigEntries:
    """The id of an entry is its key in the YAML."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def all(self, request: web.Request) -> web.Response:
        """``?domain=`` gives those of one integration."""
        domain = request.query.get("domain")
        return answer([config_entry_dict(one) for one in self._hub.entries.values() if domain in (None, one.domain)])

    async def reload(self, request: web.Request) -> web.Response:
        """Restart one. 404 when there is none of that id."""
        entry_id = request.match_info["entry_id"]
        if entry_id not in self._hub.entries:
            raise WebError(404, "Invalid entry specified")
        await self._hub.services.call("nanobot", "reload", {"entry": entry_id}, context=context_of(request))
        return answer({"require_restart": False})

    async def flow_handlers(self, request: web.Request) -> web.Response:
        """Nothing is set up by clicking through a dialogue."""
        return answer([])
