"""The past over REST: history of states and logbook, from whoever records them; empty while nobody does."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from aiohttp import web

from nanobot.errors import StorageError
from nanobot.hub.hub import Hub
from nanobot.hub.states import is_entity_id
from nanobot.hub.web import WebError, rights_of
from nanobot.util.dt import iso

from .answer import answer

DAY = timedelta(days=1)
MAX_DAYS = 3650

_PLUS_LOST = re.compile(r" (?=\d\d:?\d\d$)")
_DAY_ENDS = re.compile(r"(\d{4}-\d\d-\d\d[T ])24(?=(:00)+(\.0+)?(Z|[+-]|$))")
_OFF = ("0", "false", "no", "off")


class Past:
    """Times in addresses are ISO 8601; without an offset they are in the configured time zone."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def history(self, request: web.Request) -> web.Response:
        """``[[state, …], …]``: one list for each entity, beginning with its state at the start."""
        query = request.query
        start = self._time(request.match_info.get("datetime"), "Invalid datetime")
        end = self._time(query.get("end_time"), "Invalid end_time")
        entity_ids = [one for one in query.get("filter_entity_id", "").lower().strip().split(",") if one]
        if not entity_ids:
            raise WebError(400, "filter_entity_id is missing")
        if not all(is_entity_id(one) for one in entity_ids):
            raise WebError(400, "Invalid filter_entity_id")
        rights = rights_of(request)
        entity_ids = [one for one in entity_ids if rights.may_see(one)]
        now = self._hub.clock.utc()
        begin = start or now - DAY
        if self._hub.history is None or begin > now or not entity_ids:
            return answer([])
        try:
            rows = await self._hub.history.states(
                entity_ids,
                begin.timestamp(),
                (end or begin + DAY).timestamp(),
                minimal=_flag(request, "minimal_response"),
                no_attributes=_flag(request, "no_attributes"),
                significant_only=query.get("significant_changes_only", "1").lower() not in _OFF,
                include_start=not _flag(request, "skip_initial_state"),
            )
        except StorageError as error:
            raise WebError(503, str(error)) from error
        return answer([[state.as_dict() for state in states] for states in rows.values()])

    async def logbook(self, request: web.Request) -> web.Response:
        """``[{when, name, state?, entity_id?, …}]``, oldest first; a day unless the query says otherwise."""
        query = request.query
        start, end = self._span(request)
        entities = [one.strip() for one in query.get("entity", "").lower().split(",") if one.strip()]
        if not all(is_entity_id(one) for one in entities):
            raise WebError(400, "Invalid entity_id(s) encountered.")
        context_id = query.get("context_id")
        if entities and context_id:
            raise WebError(400, "Can't combine entity with context_id")
        if self._hub.history is None:
            return answer([])
        try:
            rows = await self._hub.history.logbook(
                start.timestamp(), end.timestamp(), entities or None, context_id, language=self._hub.language
            )
        except StorageError as error:
            raise WebError(503, str(error)) from error
        return answer([_told(row) for row in rows])

    def _span(self, request: web.Request) -> tuple[datetime, datetime]:
        start = self._time(request.match_info.get("datetime"), "Invalid datetime") or self._hub.clock.utc()
        try:
            days = min(max(1, int(request.query.get("period", "1"))), MAX_DAYS)
        except ValueError as error:
            raise WebError(400, "Invalid period") from error
        end = self._time(request.query.get("end_time"), "Invalid end_time")
        if end is not None:
            return start, end
        try:
            midnight = _midnight(start, self._hub.clock.zone)
            begin = _midnight(midnight - timedelta(days=days - 1), self._hub.clock.zone)
            return begin, _midnight(begin + timedelta(days=days), self._hub.clock.zone)
        except OverflowError as error:
            raise WebError(400, "Invalid datetime") from error

    def _time(self, text: str | None, wrong: str) -> datetime | None:
        return time_of(text, self._hub.clock.zone, wrong)


def time_of(text: str | None, zone: tzinfo, wrong: str) -> datetime | None:
    """A time as clients write it, None for none; without an offset in ``zone``. Raises ``WebError`` 400 ``wrong``."""
    if not text:
        return None
    text = _PLUS_LOST.sub("+", text.strip()).upper()
    day_ends = _DAY_ENDS.match(text)
    if day_ends is not None:  # ISO 8601 has it, Python before 3.13 has not
        text = f"{day_ends[1]}00{text[day_ends.end() :]}"
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        found = found + DAY if day_ends is not None else found
        found.timestamp()
    except (ValueError, OverflowError) as error:
        raise WebError(400, wrong) from error
    return found


def _midnight(moment: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(moment.astimezone(zone).date(), time(), zone)


def _flag(request: web.Request, name: str) -> bool:
    """Clients write ``?minimal_response`` as well as ``?minimal_response=true``."""
    return name in request.query and request.query[name].lower() not in _OFF


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "when": iso(row["when"]) if isinstance(row["when"], (int, float)) else row["when"]}
