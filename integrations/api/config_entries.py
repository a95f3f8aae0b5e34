"""What is configured, in the shape of Home Assistant's config entries. It is all from YAML: there are no flows."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub
from nanobot.hub.web import WebError, context_of

from .answer import answer

_STATES = {
    EntryState.STARTING: "setup_in_progress",
    EntryState.LOADED: "loaded",
    EntryState.RETRYING: "setup_retry",
    EntryState.FAILED: "setup_error",
    EntryState.STOPPED: "not_loaded",
}


class ConfigEntries:
    """The id of an entry is its key in the YAML."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def all(self, request: web.Request) -> web.Response:
        """``?domain=`` gives those of one integration."""
        domain = request.query.get("domain")
        return answer([_shape(one) for one in self._hub.entries.values() if domain in (None, one.domain)])

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


def _shape(entry: Entry) -> dict[str, Any]:
    return {
        "created_at": entry.since,
        "disabled_by": None,
        "domain": entry.domain,
        "entry_id": entry.id,
        "error_reason_translation_key": None,
        "error_reason_translation_placeholders": None,
        "modified_at": entry.since,
        "num_subentries": 0,
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "reason": entry.error,
        "source": "import",
        "state": _STATES[entry.state],
        "supported_subentry_types": {},
        "supports_options": False,
        "supports_reconfigure": False,
        "supports_remove_device": False,
        "supports_unload": True,
        "title": entry.id,
    }
