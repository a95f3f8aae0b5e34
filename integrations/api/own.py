"""What Home Assistant has no routes for: entries, plan, apply, issues, traces, messages and sessions.

They answer as the commands of ``nanobot`` do, by which the same is asked over the control socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Any

import voluptuous as vol
from aiohttp import web

from nanobot.contracts.command import Connection
from nanobot.contracts.runnable import Runnable
from nanobot.conversations.archive import said
from nanobot.errors import NanobotError, StorageError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.hub.web import WebError, context_of
from nanobot.util.dt import iso

from .answer import answer
from .past import DAY, time_of

MOST_MESSAGES = 1000
MOST_LINES = 10_000
"""Of a session, the first ones: whoever wants all of a longer one has ``nanobot session export``."""


class Own:
    """All below ``/api/nanobot/``. The id of an entry is its key in the YAML."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def entries(self, request: web.Request) -> web.Response:
        """What is configured, and how it does."""
        return answer((await self._ask(request, "status"))["entries"])

    def acts_on_entry(self, service: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler that has one of the core's services do something to an entry."""

        async def act(request: web.Request) -> web.Response:
            """404 when there is no such entry."""
            entry_id = request.match_info["entry_id"]
            if entry_id not in self._hub.entries:
                raise WebError(404, f"nothing named '{entry_id}' is configured")
            return answer(await self._call(request, service, {"entry": entry_id}))

        return act

    async def plan(self, request: web.Request) -> web.Response:
        """What applying the configuration on disk would do."""
        return answer(await self._ask(request, "plan"))

    async def apply(self, request: web.Request) -> web.Response:
        """Do it: ``{applied, added, changed, removed, problems}``."""
        return answer(await self._call(request, "reload_all", {}))

    # -- what is to be repaired -----------------------------------------------------------------

    async def issues(self, request: web.Request) -> web.Response:
        """In the language of ``?language=``, or that of the hub."""
        language = request.query.get("language") or self._hub.language
        return answer([issue.as_dict(language) for issue in self._hub.issues])

    async def fix(self, request: web.Request) -> web.Response:
        """Do what the hub can do about an issue, and wait for it. 404 for no such issue, 409 for one without a fix."""
        issue = self._hub.issues.get(request.match_info["issue_id"])
        if issue is None:
            raise WebError(404, "there is no such issue")
        if issue.fix is None:
            raise WebError(409, "only a person can do something about this issue")
        # owned by the hub: it may well unload this integration
        await asyncio.shield(self._hub.tasks.spawn(_run(issue.fix.run()), f"fix {issue.id}"))
        return answer({"result": "ok"})

    # -- what happened --------------------------------------------------------------------------

    async def traces(self, request: web.Request) -> web.Response:
        """The latest runs of all items, of a ``domain``, or of one ``item_id``, oldest first."""
        wanted = request.query.get("domain"), request.query.get("item_id")
        return answer([trace.short() for one in self._runnables(*wanted) for trace in one.traces])

    async def trace(self, request: web.Request) -> web.Response:
        """One run, step by step. 404 when it is not kept (any more)."""
        about = request.match_info
        for one in self._runnables(about["domain"], about["item_id"]):
            for trace in one.traces:
                if trace.run_id == about["run_id"]:
                    return answer(trace.full())
        raise WebError(404, "The trace could not be found")

    def _runnables(self, domain: str | None, item_id: str | None) -> list[Runnable]:
        every = self._hub.runnables
        return [one for one in every if domain in (None, one.domain) and item_id in (None, one.item_id)]

    async def messages(self, request: web.Request) -> web.Response:
        """``[{time, type, …}]``, oldest first: of the last day unless ``start_time`` and ``end_time`` say otherwise."""
        query, clock = request.query, self._hub.clock
        end = time_of(query.get("end_time"), clock.zone, "Invalid end_time")
        start = time_of(query.get("start_time"), clock.zone, "Invalid start_time")
        try:
            limit = min(max(1, int(query.get("limit") or MOST_MESSAGES)), MOST_MESSAGES)
            begin = start or (end or clock.utc()) - DAY
        except (ValueError, OverflowError) as error:
            raise WebError(400, "Invalid limit or end_time") from error
        if self._hub.history is None:
            return answer([])
        try:
            until = None if end is None else end.timestamp()
            found = await self._hub.history.messages(begin.timestamp(), until, limit=limit)
        except StorageError as error:
            raise WebError(503, str(error)) from error
        return answer([{**event.data, "time": iso(event.time), "type": event.type} for event in found])

    # -- sessions -------------------------------------------------------------------------------

    async def sessions(self, request: web.Request) -> web.Response:
        """The last used one first."""
        return answer(await self._ask(request, "session/list"))

    async def session(self, request: web.Request) -> web.Response:
        """What was said in one, as a list of the lines of its export. 404 when there is none."""
        session = request.match_info["session"]
        read = self._hub.conversations.database.read
        lines = await read(lambda connection: list(islice(said(connection, session), MOST_LINES)))
        if len(lines) < 2:  # the head alone
            raise WebError(404, "there is no such session")
        return answer(lines)

    async def delete_session(self, request: web.Request) -> web.Response:
        """All of it. 404 when there is none."""
        done = await self._ask(request, "session/delete", {"session": request.match_info["session"]})
        if not done["deleted"]:
            raise WebError(404, "there is no such session")
        return answer({"result": "ok"})

    # -- inside ---------------------------------------------------------------------------------

    async def _ask(self, request: web.Request, name: str, data: Mapping[str, Any] | None = None) -> Any:
        command = self._hub.commands.get(name)
        if command is None:
            raise WebError(503, f"'{name}' cannot be asked for now")
        try:
            checked = command.schema(dict(data or {})) if command.schema is not None else data or {}
        except vol.Invalid as error:
            raise WebError(400, str(error)) from error
        return await command.handler(_Asked(context_of(request)), checked)

    async def _call(self, request: web.Request, service: str, data: Mapping[str, Any]) -> Any:
        context = context_of(request)
        return await self._hub.services.call("nanobot", service, data, context=context, return_response=True)


class _Asked(Connection):
    """A request as commands see it: it takes one answer and is gone."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def send(self, message: Mapping[str, Any]) -> None:
        raise NanobotError("this tells events, which a request cannot take")

    def on_close(self, undo: Callable[[], Any]) -> None:
        raise NanobotError("this goes on, which a request does not")


async def _run(fix: Awaitable[None]) -> None:
    await fix
