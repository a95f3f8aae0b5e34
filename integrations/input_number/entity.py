"""The number itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.errors import InvalidServiceData
from nanobot.hub.collection import Helper


class InputNumber(Helper):
    """A value between ``min`` and ``max``."""

    value: float

    def begin(self) -> None:
        self.value = self.config.get("initial", self.config["min"])

    def fit(self) -> None:
        self.value = self._within(self.value)

    def restore(self, last: Mapping[str, Any]) -> None:
        if "initial" in self.config:
            return
        with suppress(ValueError):
            value = float(last["state"])
            if self.config["min"] <= value <= self.config["max"]:
                self.value = value

    @property
    def state(self) -> str:
        """15 digits, as Home Assistant 2025.4 writes a float: 0.1 + 0.2 is ``0.3``, 7 is ``7.0``."""
        return f"{self.value:.15}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.config
        shown = {
            "initial": config.get("initial"),
            "editable": False,
            "min": config["min"],
            "max": config["max"],
            "step": config["step"],
            "mode": config["mode"],
        }
        if "unit_of_measurement" in config:
            shown["unit_of_measurement"] = config["unit_of_measurement"]
        return shown

    def set_value(self, call: ServiceCall) -> None:
        """Service. Raises ``InvalidServiceData`` outside of the bounds."""
        value = call.data["value"]
        low, high = self.config["min"], self.config["max"]
        if not low <= value <= high:
            raise InvalidServiceData(f"{self.entity_id} takes {low:g} to {high:g}, not {value:g}")
        self._set(value, call)

    def increment(self, call: ServiceCall) -> None:
        """Service."""
        self._set(self._within(self.value + self.config["step"]), call)

    def decrement(self, call: ServiceCall) -> None:
        """Service."""
        self._set(self._within(self.value - self.config["step"]), call)

    def _within(self, value: float) -> float:
        return float(max(self.config["min"], min(self.config["max"], value)))

    def _set(self, value: float, call: ServiceCall) -> None:
        self.value = value
        self.changed(call.context)
