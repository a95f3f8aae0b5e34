"""All routes of the API in one place, each with who may use it."""

from __future__ import annotations

from nanobot.contracts.view import Access, View
from nanobot.hub.entry import Entry

from .config_entries import ConfigEntries
from .config_items import ItemViews
from .events import Events
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
    return [
        View("GET", "/api/", read, status.alive, scoped=True),
        View("GET", "/api/config", read, status.config, scoped=True),
        View("GET", "/api/core/state", read, status.core_state, scoped=True),
        View("GET", "/api/components", read, status.components, scoped=True),
        View("GET", "/api/error_log", admin, status.error_log),
        View("POST", "/api/config/core/check_config", admin, status.check_config),
        View("GET", "/api/states", read, states.all, scoped=True),
        View("GET", "/api/states/{entity_id}", read, states.one, scoped=True),
        View("POST", "/api/states/{entity_id}", admin, states.write),
        View("DELETE", "/api/states/{entity_id}", admin, states.remove),
        View("GET", "/api/events", read, events.types),
        View("POST", "/api/events/{event_type}", admin, events.fire, scoped=True),
        View("GET", "/api/stream", admin, streams.serve, scoped=True),
        View("GET", "/api/services", read, services.all, scoped=True),
        View("POST", "/api/services/{domain}/{service}", user, services.call, scoped=True),
        View("POST", "/api/template", admin, templates.render),
        View("GET", "/api/history/period", read, past.history, scoped=True),
        View("GET", "/api/history/period/{datetime}", read, past.history, scoped=True),
        View("GET", "/api/logbook", read, past.logbook),
        View("GET", "/api/logbook/{datetime}", read, past.logbook),
        View("GET", "/api/config/config_entries/entry", admin, entries.all),
        View("POST", "/api/config/config_entries/entry/{entry_id:.*}/reload", admin, entries.reload),
        View("GET", "/api/config/config_entries/flow_handlers", admin, entries.flow_handlers),
        View("POST", "/api/config/reload", admin, items.reload),
        View("GET", "/api/config/{domain}/config/{item_id}", admin, items.read),
        View("POST", "/api/config/{domain}/config/{item_id}", admin, items.write),
        View("DELETE", "/api/config/{domain}/config/{item_id}", admin, items.delete),
    ]
