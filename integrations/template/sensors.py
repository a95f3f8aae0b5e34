"""What only shows something: sensors and binary sensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.entity import UNKNOWN
from nanobot.hub.context import Context
from nanobot.templates import TemplateError, render_value

from .entity import TemplateEntity
from .results import as_boolean, sensor_state


class Sensor(TemplateEntity):
    """A value."""

    fields: ClassVar[tuple[str, ...]] = ("state", "last_reset")
    value: str | None = None
    last_reset: str | None = None

    @property
    def state(self) -> str:
        return UNKNOWN if self.value is None else self.value

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown = dict(super().attributes)
        if self.config.get("state_class") is not None:
            shown["state_class"] = self.config["state_class"]
        return shown

    @property
    def details(self) -> Mapping[str, Any]:
        return {} if self.last_reset is None else {"last_reset": self.last_reset}

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        if name == "last_reset":
            self.last_reset = None
            self.last_reset = None if failed else sensor_state(result, {"device_class": "timestamp"})
            return
        self.value = None
        self.value = sensor_state(result, self.config)


class BinarySensor(TemplateEntity):
    """On or off. ``delay_on`` and ``delay_off`` wait before it changes, ``auto_off`` ends an on that a trigger gave."""

    as_texts: ClassVar[frozenset[str]] = frozenset({"state"})
    is_on: bool | None = None
    _pending: Callable[[], None] | None = None
    _off: Callable[[], None] | None = None
    _off_at: float | None = None

    @property
    def remembers(self) -> bool:
        return "delay_on" in self.config or "delay_off" in self.config

    @property
    def state(self) -> str:
        return UNKNOWN if self.is_on is None else "on" if self.is_on else "off"

    def keep(self) -> dict[str, Any]:
        kept = super().keep()
        if self.is_on is not None and self.available:
            kept["is_on"] = self.is_on
            if self._off_at is not None:
                kept["off_at"] = self._off_at
        return kept

    def restore(self, last: Mapping[str, Any]) -> None:
        if "is_on" not in last or not (self.remembers or self.spec.feed is not None):
            return
        results = {name: one for name, one in last.get("results", {}).items() if name != "state"}
        super().restore({**last, "results": results})
        self._last_results = last.get("results", {})
        self.is_on = last["is_on"]
        off_at = last.get("off_at")
        if off_at is not None and self.is_on and "auto_off" in self.config:
            left = off_at - self._hub.clock.time()
            if left <= 0:
                self.is_on = False
            else:
                self._turn_off_in(left)

    async def stop(self) -> None:
        self._forget_delays()
        await super().stop()

    def feed(self, variables: Mapping[str, Any], context: Context | None) -> None:
        self._forget_delays()
        super().feed(variables, context)

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        wanted = None if failed else as_boolean(result)
        if self.spec.feed is None:
            self._follow(wanted)
        else:
            self._be_given(wanted)

    def _follow(self, wanted: bool | None) -> None:
        """The template has another result."""
        self._forget_delays()
        if wanted == self.is_on:
            return
        delay = None if wanted is None else self._period("delay_on" if wanted else "delay_off")
        if delay:
            self._wait(delay, wanted)
        else:
            self.is_on = wanted

    def _be_given(self, wanted: bool | None) -> None:
        """A trigger fired."""
        delay = None if wanted is None else self._period("delay_on" if wanted else "delay_off")
        if wanted == self.is_on or not delay:
            self._set(wanted)
        else:
            self._wait(delay, wanted)

    def _set(self, wanted: bool | None) -> None:
        self.is_on = wanted
        seconds = self._period("auto_off") if wanted and self.spec.feed is not None else None
        if seconds is not None:
            self._turn_off_in(seconds)

    def _wait(self, delay: float, wanted: bool | None) -> None:
        def over() -> None:
            self._pending = None
            self._set(wanted)
            self.changed()

        self._pending = self._part.call_later(delay, over)

    def _turn_off_in(self, seconds: float) -> None:
        def over() -> None:
            self._off = self._off_at = None
            self.is_on = False
            self.changed()

        self._off_at = self._hub.clock.time() + seconds
        self._off = self._part.call_later(seconds, over)

    def _forget_delays(self) -> None:
        for cancel in (self._pending, self._off):
            if cancel is not None:
                cancel()
        self._pending = self._off = self._off_at = None

    def _period(self, name: str) -> float | None:
        """Seconds; None where there is no such delay, or none that could be used."""
        written = self.config.get(name)
        if written is None or isinstance(written, timedelta):
            return None if written is None else written.total_seconds()
        try:
            result = render_value(self._hub, written, self._variables)
        except TemplateError as error:
            self._complain(name, f"{error}; there is no delay")
            return None
        try:
            found = cv.positive_time_period(result)
        except vol.Invalid:
            self._complain(name, f"{result!r} is no duration from 0 on; there is no delay")
            return None
        self._fine(name)
        return found.total_seconds()
