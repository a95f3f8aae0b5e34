"""Helpers that clients make: ``<domain>/list``, ``create``, ``update``, ``delete``, as in Home Assistant 2025.4.

Those that somebody wrote into the YAML are not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.config_items import ConfigItems, ItemConflict, ItemInvalid, ItemMissing
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = {
    "counter": ("initial", "minimum", "maximum", "step", "restore"),
    "group": ("entities", "all"),
    "input_boolean": ("initial",),
    "input_button": (),
    "input_datetime": ("has_date", "has_time", "initial"),
    "input_number": ("min", "max", "step", "initial", "mode", "unit_of_measurement"),
    "input_select": ("options", "initial"),
    "input_text": ("min", "max", "pattern", "initial", "mode", "unit_of_measurement"),
    "schedule": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "timer": ("duration", "restore"),
}
"""What each kind takes besides ``name`` and ``icon``; its values are checked as those of the YAML are."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "counter": {"initial": 0, "minimum": None, "maximum": None, "step": 1, "restore": True},
    "input_datetime": {"has_date": False, "has_time": False},
    "input_number": {"step": 1.0, "mode": "slider"},
    "input_text": {"min": 0, "max": 100, "mode": "text"},
    "timer": {"duration": "0:00:00", "restore": False},
}
"""What clients are told of options that were not given."""


class Helpers:
    """The commands of one domain."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._id = f"{domain}_id"

    def commands(self) -> list[SocketCommand]:
        """All four."""
        options: dict[Any, Any] = {vol.Optional(key): object for key in ("icon", *OPTIONS[self._domain])}
        name = vol.All(str, vol.Length(min=1))
        known: dict[Any, Any] = {vol.Required(self._id): str}
        add: Callable[..., SocketCommand] = lambda name, *more: SocketCommand(f"{self._domain}/{name}", *more)  # noqa: E731
        return [
            add("list", self.list, Access.READ),
            add("create", self.create, Access.ADMIN, vol.Schema({vol.Required("name"): name, **options})),
            add("update", self.update, Access.ADMIN, vol.Schema({**known, vol.Required("name"): name, **options})),
            add("delete", self.delete, Access.ADMIN, vol.Schema(known)),
        ]

    async def list(self, call: SocketCall) -> Any:
        """``[{id, name, …}]``."""
        if call.hub.config_items is None:
            return []
        with self._told():
            made = await call.hub.config_items.made(self._domain)
        return [self._shape(key, value) for key, value in made.items() if isinstance(value, dict)]

    async def create(self, call: SocketCall) -> Any:
        """The entity is there when the answer comes."""
        value = _given(call)
        with self._told():
            key = await self._items(call).put_made(self._domain, value)
        return self._shape(key, value)

    async def update(self, call: SocketCall) -> Any:
        """What is not named is as at first."""
        key, value = call.data[self._id], _given(call)
        del value[self._id]
        with self._told(key):
            await self._items(call).put_made(self._domain, value, key=key)
        return self._shape(key, value)

    async def delete(self, call: SocketCall) -> None:
        """The entity is gone when the answer comes."""
        key = call.data[self._id]
        with self._told(key):
            await self._items(call).delete_made(self._domain, key)

    def _shape(self, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": key, **DEFAULTS.get(self._domain, {}), **value}

    def _items(self, call: SocketCall) -> ConfigItems:
        if call.hub.config_items is None:
            raise SocketError(sc.NOT_SUPPORTED, "nothing can be made here")
        return call.hub.config_items

    @contextmanager
    def _told(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except ItemMissing as error:
            raise SocketError(sc.NOT_FOUND, f"Unable to find {self._id} {key}") from error
        except ItemInvalid as error:
            raise SocketError(sc.INVALID_FORMAT, str(error)) from error
        except ItemConflict as error:
            raise SocketError(sc.HOME_ASSISTANT_ERROR, str(error)) from error


def _given(call: SocketCall) -> dict[str, Any]:
    return {key: value for key, value in call.data.items() if value is not None}


COMMANDS = [command for domain in OPTIONS for command in Helpers(domain).commands()]
