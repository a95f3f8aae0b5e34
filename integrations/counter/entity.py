"""The counter itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.collection import Helper


class Counter(Helper):
    """A whole number. Steps stop at the bounds; unlike with the inputs, its last value wins over ``initial``."""

    value: int

    def begin(self) -> None:
        self.value = self.config["initial"]

    def fit(self) -> None:
        self.value = self._within(self.value)

    def restore(self, last: Mapping[str, Any]) -> None:
        if self.config["restore"]:
            with suppress(ValueError):
                self.value = self._within(int(last["state"]))

    @property
    def state(self) -> str:
        return str(self.value)

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.config
        bounds = {name: config[name] for name in ("minimum", "maximum") if config[name] is not None}
        return {"editable": False, "initial": config["initial"], "step": config["step"], **bounds}

    def increment(self, call: ServiceCall) -> None:
        """Service."""
        self._set(self._within(self.value + self.config["step"]), call)

    def decrement(self, call: ServiceCall) -> None:
        """Service."""
        self._set(self._within(self.value - self.config["step"]), call)

    def reset(self, call: ServiceCall) -> None:
        """Service."""
        self._set(self._within(self.config["initial"]), call)

    def set_value(self, call: ServiceCall) -> None:
        """Service. Raises ``ServiceError`` outside of the bounds and between the steps."""
        value = call.data["value"]
        low, high, step = self.config["minimum"], self.config["maximum"], self.config["step"]
        if low is not None and value < low:
            raise ServiceError(f"{value} is below the minimum of {self.entity_id}, which is {low}")
        if high is not None and value > high:
            raise ServiceError(f"{value} is above the maximum of {self.entity_id}, which is {high}")
        if step and value % step:
            raise ServiceError(f"{value} is no multiple of {step}, the step of {self.entity_id}")
        self._set(value, call)

    def _within(self, value: int) -> int:
        low, high = self.config["minimum"], self.config["maximum"]
        if low is not None:
            value = max(low, value)
        if high is not None:
            value = min(high, value)
        return value

    def _set(self, value: int, call: ServiceCall) -> None:
        self.value = value
        self.changed(call.context)
