"""What the hub is and how it does: alive, configuration, components, log, and whether the configuration is right."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from nanobot.hub.hub import Hub
from nanobot.hub.shapes import components, config_dict, phase
from nanobot.hub.web import WebError, context_of
from nanobot.util.aio import in_thread

from .answer import answer

LOG_FILE = "nanobot.log"
MAX_LOG = 4 * 1024 * 1024  # bytes of its end


class Status:
    """Reads the hub; ``check_config`` asks the core's service for it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def alive(self, request: web.Request) -> web.Response:
        """Clients compare this text."""
        return answer({"message": "API running."})

    async def config(self, request: web.Request) -> web.Response:
        """``state`` is RUNNING when all is set up and the start triggers have run."""
        return answer(config_dict(self._hub))

    async def core_state(self, request: web.Request) -> web.Response:
        """For watchdogs."""
        recorder = {"migration_in_progress": False, "migration_is_live": False}
        return answer({"state": phase(self._hub), "recorder_state": recorder})

    async def components(self, request: web.Request) -> web.Response:
        """The domains that are set up."""
        return answer(components(self._hub))

    async def check_config(self, request: web.Request) -> web.Response:
        """``{result, errors, warnings, problems}``; only what keeps the whole from being used is an error."""
        told = await self._hub.services.call(
            "nanobot", "check_config", {}, context=context_of(request), return_response=True
        )
        return answer(told)

    async def error_log(self, request: web.Request) -> web.Response:
        """The end of the log, as text."""
        text = await in_thread(_end_of, self._hub.config_dir / LOG_FILE)
        if text is None:
            raise WebError(404, "this hub writes no log file")
        return web.Response(body=text, content_type="text/plain", charset="utf-8")


def _end_of(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MAX_LOG))
            return file.read()
    except OSError:
        return None
