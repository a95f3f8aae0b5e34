"""What can be acted on: selects, numbers, texts, switches and buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from nanobot.contracts import controls
from nanobot.hub.context import Context

from .entity import TemplateEntity
from .results import as_number, as_options, as_state, as_text


class _Valued(TemplateEntity):
    """Has a value that a service sets. Without a template for its state, or if ``optimistic``, it takes it at once."""

    needs_state: ClassVar[bool] = False
    value_name: ClassVar[str]
    """The attribute that has it."""

    @property
    def remembers(self) -> bool:
        return "state" not in self.config

    def keep(self) -> dict[str, Any]:
        kept = super().keep()
        if self.remembers and (value := getattr(self, self.value_name)) is not None:
            kept["value"] = value
        return kept

    def restore(self, last: Mapping[str, Any]) -> None:
        super().restore(last)
        if self.remembers and "value" in last:
            setattr(self, self.value_name, last["value"])

    def assume(self, value: Any, context: Context) -> None:
        """Take over a value that was asked for."""
        if self.remembers or self.config["optimistic"]:
            setattr(self, self.value_name, value)
            self.changed(context)

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown = super().attributes
        return {**shown, "assumed_state": True} if self.remembers or self.config["optimistic"] else shown

    def _put(self, name: str, result: Any, convert: Callable[[Any], Any]) -> None:
        """Set an attribute to the result, or to None when that cannot be used."""
        setattr(self, name, None)
        if result is not None:
            setattr(self, name, convert(result))


class Select(controls.Select, _Valued):
    """A choice."""

    fields: ClassVar[tuple[str, ...]] = ("options", "state")
    value_name: ClassVar[str] = "current"

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        if name == "options":
            self.options = []
            self.options = as_options(result)
        else:
            self._put("current", result, lambda one: as_state(as_text(one)))

    async def select_option(self, option: str, context: Context) -> None:
        self.assume(option, context)
        await self.act("select_option", {"option": option}, context)


_NUMBERS: Mapping[str, tuple[str, float]] = {"min": ("low", 0.0), "max": ("high", 100.0), "step": ("step", 1.0)}
"""By option: the attribute, and what it is where nothing else is said."""


class Number(controls.Number, _Valued):
    """A number."""

    fields: ClassVar[tuple[str, ...]] = ("min", "max", "step", "state")
    value_name: ClassVar[str] = "value"

    def _equip(self) -> None:
        super()._equip()
        for option, (name, usual) in _NUMBERS.items():
            if option not in self.config:
                setattr(self, name, usual)

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        if name == "state":
            self._put("value", result, as_number)
        elif not failed:
            setattr(self, _NUMBERS[name][0], as_number(result))

    async def set_value(self, value: float, context: Context) -> None:
        self.assume(value, context)
        await self.act("set_value", {"value": value}, context)


class Text(controls.Text, _Valued):
    """A text."""

    value_name: ClassVar[str] = "value"

    def _equip(self) -> None:
        super()._equip()
        config = self.config
        self.least, self.most, self.pattern, self.mode = (
            config["min"],
            config["max"],
            config.get("pattern"),
            config["mode"],
        )

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        self._put("value", result, lambda one: as_state(as_text(one)))

    async def set_value(self, value: str, context: Context) -> None:
        self.assume(value, context)
        await self.act("set_value", {"value": value}, context)


class Switch(controls.Switch, TemplateEntity):
    """On or off. Without a template for its state it is what it was switched to last."""

    @property
    def remembers(self) -> bool:
        return "state" not in self.config

    def keep(self) -> dict[str, Any]:
        kept = super().keep()
        if self.remembers and self.is_on is not None:
            kept["is_on"] = self.is_on
        return kept

    def restore(self, last: Mapping[str, Any]) -> None:
        super().restore(last)
        if self.remembers and "is_on" in last:
            self.is_on = last["is_on"]

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown = super().attributes
        return {**shown, "assumed_state": True} if self.remembers else shown

    def put(self, name: str, result: Any, *, failed: bool) -> None:
        """Only true and on are on; numbers are not, as in Home Assistant."""
        if failed:
            self.is_on = None
        else:
            self.is_on = result is True or (isinstance(result, str) and result.lower() in ("true", "on"))

    async def turn_on(self, context: Context) -> None:
        await self._switch(True, context)

    async def turn_off(self, context: Context) -> None:
        await self._switch(False, context)

    async def _switch(self, on: bool, context: Context) -> None:
        await self.act("turn_on" if on else "turn_off", {}, context)
        if self.remembers:
            self.is_on = on
            self.changed(context)


class Button(controls.Button, TemplateEntity):
    """Something to press."""

    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def remembers(self) -> bool:
        return True

    def keep(self) -> dict[str, Any]:
        return super().keep() | ({} if self.pressed_at is None else {"pressed_at": self.pressed_at})

    def restore(self, last: Mapping[str, Any]) -> None:
        super().restore(last)
        self.pressed_at = last.get("pressed_at")

    async def press(self, context: Context) -> None:
        await self.act("press", {}, context)
