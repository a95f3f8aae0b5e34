"""The switch itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import Helper


class InputBoolean(Helper):
    """On or off."""

    on: bool

    def begin(self) -> None:
        self.on = self.config.get("initial", False)

    def restore(self, last: Mapping[str, Any]) -> None:
        if "initial" not in self.config:
            self.on = last["state"] == "on"

    @property
    def state(self) -> str:
        return "on" if self.on else "off"

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"editable": False}

    def turn_on(self, call: ServiceCall) -> None:
        """Service."""
        self._set(True, call)

    def turn_off(self, call: ServiceCall) -> None:
        """Service."""
        self._set(False, call)

    def toggle(self, call: ServiceCall) -> None:
        """Service."""
        self._set(not self.on, call)

    def _set(self, on: bool, call: ServiceCall) -> None:
        self.on = on
        self.changed(call.context)
