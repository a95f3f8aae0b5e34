"""All routes of the API in one place, each with who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp.web import Request, StreamResponse

from nanobot.contracts.view import Access, Operation, View
from nanobot.hub.entry import Entry

from . import operations as op
from .config_entries import ConfigEntries
from .config_items import ItemViews
from .events import Events
from .openapi import Description
from .own import Own
from .past import Past
from .services import ServiceCalls
from .states import StateViews
from .status import Status
from .stream import Streams
from .template import Templates


def views(entry: Entry) -> list[View]:
    """What the entry adds to the hub. Whatever changes more than a service call may takes an administrator."""
    status, states, events = Status(entry.hub), StateViews(entry.hub), Events(entry.hub)
    services, templates, past = ServiceCalls(entry), Templates(entry.hub), Past(entry.hub)
    entries, streams, items = ConfigEntries(entry.hub), Streams(entry), ItemViews(entry.hub)
    read, user, admin = Access.READ, Access.USER, Access.ADMIN
    description, own = Description(entry.hub), Own(entry.hub)
    one_entry = "/api/nanobot/entries/{entry_id:.*}"
    return [
        _view("GET", "/api/openapi.json", read, op.OPENAPI, description.read, scoped=True),
        _view("GET", "/api/", read, op.ALIVE, status.alive, scoped=True, prompt=True),
        _view("GET", "/api/config", read, op.CONFIG, status.config, scoped=True, prompt=True),
        _view("GET", "/api/core/state", read, op.CORE_STATE, status.core_state, scoped=True, prompt=True),
        _view("GET", "/api/components", read, op.COMPONENTS, status.components, scoped=True, prompt=True),
        _view("GET", "/api/error_log", admin, op.ERROR_LOG, status.error_log),
        _view("POST", "/api/config/core/check_config", admin, op.CHECK_CONFIG, status.check_config),
        _view("GET", "/api/states", read, op.STATES, states.all, scoped=True, prompt=True),
        _view("GET", "/api/states/{entity_id}", read, op.STATE, states.one, scoped=True, prompt=True),
        _view("POST", "/api/states/{entity_id}", admin, op.SET_STATE, states.write, prompt=True),
        _view("DELETE", "/api/states/{entity_id}", admin, op.DELETE_STATE, states.remove, prompt=True),
        _view("GET", "/api/events", read, op.EVENTS, events.types),
        _view("POST", "/api/events/{event_type}", admin, op.FIRE, events.fire, scoped=True, prompt=True),
        _view("GET", "/api/stream", admin, op.STREAM, streams.serve, scoped=True),
        _view("GET", "/api/services", read, op.SERVICES, services.all, scoped=True),
        _view("POST", "/api/services/{domain}/{service}", user, op.CALL, services.call, scoped=True, prompt=True),
        _view("POST", "/api/template", admin, op.TEMPLATE, templates.render),
        _view("GET", "/api/history/period", read, op.HISTORY, past.history, scoped=True),
        _view("GET", "/api/history/period/{datetime}", read, op.HISTORY, past.history, scoped=True),
        _view("GET", "/api/logbook", read, op.LOGBOOK, past.logbook),
        _view("GET", "/api/logbook/{datetime}", read, op.LOGBOOK, past.logbook),
        _view("GET", "/api/config/config_entries/entry", admin, op.ENTRIES, entries.all),
        _view("POST", "/api/config/config_entries/entry/{entry_id:.*}/reload", admin, op.RELOAD_ENTRY, entries.reload),
        _view("GET", "/api/config/config_entries/flow_handlers", admin, op.FLOW_HANDLERS, entries.flow_handlers),
        _view("POST", "/api/config/reload", admin, op.RELOAD, items.reload),
        _view("GET", "/api/config/{domain}/config/{item_id}", admin, op.READ_ITEM, items.read),
        _view("POST", "/api/config/{domain}/config/{item_id}", admin, op.WRITE_ITEM, items.write),
        _view("DELETE", "/api/config/{domain}/config/{item_id}", admin, op.DELETE_ITEM, items.delete),
        _view("GET", "/api/nanobot/entries", read, op.OWN_ENTRIES, own.entries),
        _view("POST", f"{one_entry}/reload", admin, op.OWN_RELOAD, own.acts_on_entry("reload")),
        _view("POST", f"{one_entry}/stop", admin, op.OWN_STOP, own.acts_on_entry("stop_entry")),
        _view("POST", f"{one_entry}/start", admin, op.OWN_START, own.acts_on_entry("start_entry")),
        _view("GET", "/api/nanobot/plan", admin, op.PLAN, own.plan),
        _view("POST", "/api/nanobot/apply", admin, op.RELOAD, own.apply),
        _view("GET", "/api/nanobot/issues", read, op.ISSUES, own.issues),
        _view("POST", "/api/nanobot/issues/{issue_id:.*}/fix", admin, op.FIX, own.fix),
        _view("GET", "/api/nanobot/traces", admin, op.TRACES, own.traces),
        _view("GET", "/api/nanobot/traces/{domain}/{item_id:.*}/{run_id}", admin, op.TRACE, own.trace),
        _view("GET", "/api/nanobot/messages", admin, op.MESSAGES, own.messages),
        _view("GET", "/api/nanobot/sessions", admin, op.SESSIONS, own.sessions),
        _view("GET", "/api/nanobot/sessions/{session:.*}", admin, op.SESSION, own.session),
        _view("DELETE", "/api/nanobot/sessions/{session:.*}", admin, op.DELETE_SESSION, own.delete_session),
    ]


def _view(
    method: str,
    path: str,
    access: Access,
    operation: Operation,
    handler: Callable[[Request], Awaitable[StreamResponse]],
    *,
    scoped: bool = False,
    prompt: bool = False,
) -> View:
    return View(method, path, access, handler, scoped=scoped, prompt=prompt, operation=operation)
