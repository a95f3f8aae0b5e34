"""The services of switches, choices, numbers, texts and buttons, whoever brings them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.controls import Button, Number, Select, Switch, Text, number_text
from nanobot.contracts.entity import Entity
from nanobot.contracts.service import Service, ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.collection import Action, target_schema
from nanobot.hub.entities import Entities
from nanobot.hub.services import Services
from nanobot.util.dt import Clock, iso


class Controls:
    """Keeps the services of each domain for as long as somebody holds it."""

    def __init__(self, services: Services, entities: Entities, clock: Clock) -> None:
        self._services = services
        self._entities = entities
        self._actions = _actions(clock)
        self._held: dict[str, int] = {}
        self._removes: dict[str, list[Callable[[], None]]] = {}

    def hold(self, domain: str) -> Callable[[], None]:
        """Have the services of ``domain`` from now on, until all who held it have called what this gives back.

        Names that are taken stay with whoever has them. A domain that has no such services is fine.
        """
        self._held[domain] = self._held.get(domain, 0) + 1
        if self._held[domain] == 1:
            self._removes[domain] = [
                self._services.register(self._service(domain, name, action))
                for name, action in self._actions.get(domain, {}).items()
                if self._services.is_free(domain, name)
            ]

        def release() -> None:
            self._held[domain] -= 1
            if not self._held[domain]:
                del self._held[domain]
                for remove in self._removes.pop(domain):
                    remove()

        return release

    def _service(self, domain: str, name: str, action: Action) -> Service:
        def act(entity: Entity, call: ServiceCall) -> Awaitable[None] | None:
            return action.run(entity, call) if entity.available else None

        return Service(
            domain,
            name,
            self._entities.service(domain, act),
            target_schema(action.fields, action.check),
            description=action.about,
            fields=action.shown,
            entity_domain=domain,
        )


def _actions(clock: Clock) -> Mapping[str, Mapping[str, Action]]:
    """By domain and name."""

    def press(button: Button, call: ServiceCall) -> Awaitable[None]:
        button.pressed_at = iso(clock.time())
        button.changed(call.context)
        return button.press(call.context)

    return {
        "switch": {
            "turn_on": Action(lambda switch, call: switch.turn_on(call.context), "Switch it on."),
            "turn_off": Action(lambda switch, call: switch.turn_off(call.context), "Switch it off."),
            "toggle": Action(_toggle, "Switch on what is off, and off what is on."),
        },
        "select": {
            "select_option": Action(
                _select_option,
                "Choose an option.",
                {vol.Required("option"): cv.string},
                {"option": {"required": True, "selector": {"text": {}}}},
            ),
            "select_next": Action(lambda one, call: _step(one, 1, call), "Choose the next option.", _CYCLE, _SHOWN),
            "select_previous": Action(
                lambda one, call: _step(one, -1, call), "Choose the option before.", _CYCLE, _SHOWN
            ),
            "select_first": Action(lambda one, call: _at(one, 0, call), "Choose the first option."),
            "select_last": Action(lambda one, call: _at(one, -1, call), "Choose the last option."),
        },
        "number": {
            "set_value": Action(
                _set_number,
                "Set the number.",
                {vol.Required("value"): cv.number},
                {"value": {"required": True, "selector": {"text": {}}}},
            )
        },
        "text": {
            "set_value": Action(
                _set_text,
                "Set the text.",
                {vol.Required("value"): cv.string},
                {"value": {"required": True, "selector": {"text": {}}}},
            )
        },
        "button": {"press": Action(press, "Press the button.")},
    }


_CYCLE = {vol.Optional("cycle", default=True): cv.boolean}
_SHOWN = {"cycle": {"default": True, "selector": {"boolean": {}}}}


def _toggle(switch: Switch, call: ServiceCall) -> Awaitable[None]:
    return switch.turn_off(call.context) if switch.is_on else switch.turn_on(call.context)


def _select_option(select: Select, call: ServiceCall) -> Awaitable[None]:
    option = call.data["option"]
    if option not in select.options:
        options = ", ".join(select.options)
        raise ServiceError(f"'{option}' is no option of {select.entity_id}; its options are: {options}")
    return select.select_option(option, call.context)


def _at(select: Select, index: int, call: ServiceCall) -> Awaitable[None]:
    if not select.options:
        raise ServiceError(f"{select.entity_id} has no options")
    return select.select_option(select.options[index], call.context)


def _step(select: Select, by: int, call: ServiceCall) -> Awaitable[None]:
    """From an unknown option, the next is the first and the one before is the last."""
    options, current = list(select.options), select.current
    count = len(options)
    if current is None or current not in options:
        return _at(select, 0 if by > 0 else -1, call)
    index = options.index(current) + by
    return _at(select, index % count if call.data["cycle"] else max(0, min(index, count - 1)), call)


def _set_number(number: Number, call: ServiceCall) -> Awaitable[None]:
    value: float = call.data["value"]
    if not number.low <= value <= number.high:
        low, high = number_text(number.low), number_text(number.high)
        raise ServiceError(f"{number_text(value)} is out of range; {number.entity_id} takes {low} to {high}")
    return number.set_value(value, call.context)


def _set_text(text: Text, call: ServiceCall) -> Awaitable[None]:
    value: str = call.data["value"]
    if not text.least <= len(value) <= text.most:
        raise ServiceError(
            f"{text.entity_id} takes a text of {text.least} to {text.most} characters; this one has {len(value)}"
        )
    if text.pattern is not None and re.fullmatch(text.pattern, value) is None:
        raise ServiceError(f"{text.entity_id} takes only what fits the pattern {text.pattern}")
    return text.set_value(value, call.context)
