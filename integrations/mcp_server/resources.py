"""Resources: the states of things, the services, and for administrators the configuration without its secrets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import orjson
from mcp import types
from mcp.shared.exceptions import MCPError

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.hub.shapes import services_dict, to_json
from nanobot.util.secrets import Scrubber

from .caller import Caller

SCHEME = "nanobot://"
STATES, SERVICES, CONFIGURATION = f"{SCHEME}states", f"{SCHEME}services", f"{SCHEME}configuration"
NOT_FOUND = -32002  # MCP 2025-11-25, resources, error handling
_JSON = "application/json"


class Resources:
    """Each is JSON. What somebody may not read is not there for them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def listed(self, caller: Caller) -> list[types.Resource]:
        """Those with an address of their own."""
        found = [
            types.Resource(uri=STATES, name="states", description="The state of every thing.", mime_type=_JSON),
            types.Resource(uri=SERVICES, name="services", description="What can be called.", mime_type=_JSON),
        ]
        if may_configure(caller):
            about = "What runs, entry by entry, without secrets."
            found.append(types.Resource(uri=CONFIGURATION, name="configuration", description=about, mime_type=_JSON))
        return found

    def templates(self, caller: Caller) -> list[types.ResourceTemplate]:
        """Those whose address names a part."""
        found = [
            types.ResourceTemplate(
                uri_template=f"{STATES}/{{entity_id}}",
                name="state",
                description="The state of a thing.",
                mime_type=_JSON,
            )
        ]
        if may_configure(caller):
            found.append(
                types.ResourceTemplate(
                    uri_template=f"{CONFIGURATION}/{{entry}}",
                    name="entry",
                    description="The options of an entry, such as telegram, without secrets.",
                    mime_type=_JSON,
                )
            )
        return found

    def known(self, caller: Caller) -> Hashable:
        """Another value when others can be read, those whose address names a part included."""
        things = frozenset(
            state.entity_id for state in self._hub.states.all() if caller.rights.may_see(state.entity_id)
        )
        return hash(things), frozenset(self._hub.entries) if may_configure(caller) else None

    def check(self, caller: Caller, uri: str) -> None:
        """Raises ``MCPError`` like ``read``."""
        self._find(caller, uri)

    def read(self, caller: Caller, uri: str) -> str:
        """Raises ``MCPError`` for what is not there, or not for this credential."""
        return to_json(self._find(caller, uri)).decode()

    def _find(self, caller: Caller, uri: str) -> Any:
        kind, slash, part = uri.removeprefix(SCHEME).partition("/")
        read = self._readers(caller).get(SCHEME + kind) if uri.startswith(SCHEME) else None
        found = None if read is None else read(part if slash else None)
        if found is None:
            raise MCPError(NOT_FOUND, f"there is no resource {uri[:200]}")
        return found

    def _readers(self, caller: Caller) -> Mapping[str, Callable[[str | None], Any]]:
        def states(entity_id: str | None) -> Any:
            may_see = caller.rights.may_see
            if entity_id is None:
                return [state for state in self._hub.states.all() if may_see(state.entity_id)]
            return self._hub.states.get(entity_id) if may_see(entity_id) else None

        def services(domain: str | None) -> Any:
            found = services_dict(self._hub, caller.rights)
            return found if domain is None else found.get(domain)

        def configuration(entry_id: str | None) -> Any:
            found = {
                entry.id: without_secrets(entry.config, self._hub.scrubber) for entry in self._hub.entries.values()
            }
            return found if entry_id is None else found.get(entry_id)

        readers: dict[str, Callable[[str | None], Any]] = {STATES: states, SERVICES: services}
        if may_configure(caller):
            readers[CONFIGURATION] = configuration
        return readers


def may_configure(caller: Caller) -> bool:
    """Whether the configuration is there for this credential."""
    return caller.rights.may(Access.ADMIN) and not caller.rights.is_narrow


def without_secrets(config: Any, scrubber: Scrubber) -> Any:
    """As JSON's own types: secret options are dots by their type, and every known secret value wherever it stands."""
    return _scrubbed(orjson.loads(to_json(config)), scrubber)


def _scrubbed(value: Any, scrubber: Scrubber) -> Any:
    match value:
        case str():
            return scrubber.scrub(value)
        case dict():
            return {scrubber.scrub(key): _scrubbed(one, scrubber) for key, one in value.items()}
        case list():
            return [_scrubbed(one, scrubber) for one in value]
        case bool() | None:
            return value
    text = str(value)
    return value if scrubber.scrub(text) == text else scrubber.scrub(text)
