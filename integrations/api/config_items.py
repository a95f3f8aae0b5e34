"""Automations, scripts, scenes and helpers by id: what somebody's YAML says of one, and writing it there."""

from __future__ import annotations

from aiohttp import web

from nanobot.contracts.config_items import (
    ConfigItem,
    ConfigItems,
    ItemChanged,
    ItemConflict,
    ItemInvalid,
    ItemMissing,
)
from nanobot.hub.hub import Hub
from nanobot.hub.web import WebError, context_of

from .answer import answer, body_of

NOT_FOUND = "Resource not found"
"""Clients compare these words."""


class ItemViews:
    """An item has an ``ETag``; ``If-Match`` keeps one from writing over what somebody else has changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def read(self, request: web.Request) -> web.Response:
        """The item as it is written."""
        try:
            item = await self._items().get(*_asked(request))
        except ItemMissing as error:
            raise WebError(404, NOT_FOUND) from error
        except ItemConflict as error:
            raise WebError(409, str(error)) from error
        return answer(item.value, headers=_tag(item))

    async def write(self, request: web.Request) -> web.Response:
        """Change or add it. Answered when it is live."""
        value = await body_of(request, "Invalid JSON specified")
        if value is None:
            raise WebError(400, "Invalid JSON specified")
        try:
            item = await self._items().put(*_asked(request), value, version=_expected(request))
        except ItemInvalid as error:
            raise WebError(400, f"Message malformed: {error}") from error
        except ItemMissing as error:
            raise WebError(404, NOT_FOUND) from error
        except ItemChanged as error:
            raise WebError(412, str(error)) from error
        except ItemConflict as error:
            raise WebError(409, str(error)) from error
        return answer({"result": "ok"}, headers=_tag(item))

    async def delete(self, request: web.Request) -> web.Response:
        """Take it out. Answered when it is gone."""
        try:
            await self._items().delete(*_asked(request), version=_expected(request))
        except ItemMissing as error:
            raise WebError(404, NOT_FOUND) from error
        except ItemChanged as error:
            raise WebError(412, str(error)) from error
        except (ItemConflict, ItemInvalid) as error:
            raise WebError(409, str(error)) from error
        return answer({"result": "ok"})

    async def reload(self, request: web.Request) -> web.Response:
        """Apply what is on disk: ``{applied, added, changed, removed, problems}``."""
        context = context_of(request)
        return answer(await self._hub.services.call("nanobot", "reload_all", {}, context=context, return_response=True))

    def _items(self) -> ConfigItems:
        if self._hub.config_items is None:
            raise WebError(404, NOT_FOUND)
        return self._hub.config_items


def _asked(request: web.Request) -> tuple[str, str]:
    return request.match_info["domain"], request.match_info["item_id"]


def _tag(item: ConfigItem) -> dict[str, str]:
    return {"ETag": f'"{item.version}"'}


def _expected(request: web.Request) -> str | None:
    """The version that the client knows; "" when it wants a new one, None when it takes any."""
    if request.headers.get("If-None-Match", "").strip() == "*":
        return ""
    wanted = request.headers.get("If-Match", "").strip()
    if wanted in ("", "*"):
        return None
    return wanted.removeprefix("W/").strip('"')
