"""Finds the words of the language: a file of that name in this package, else ``trigger.py`` (``condition.py``,
``action.py``) of the integration of that name."""

from __future__ import annotations

import importlib
import keyword
import pkgutil
import re
from functools import cache
from types import ModuleType
from typing import Literal

Kind = Literal["trigger", "condition", "action"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
RENAMED = {
    "action": "service",
    "service_template": "service",
    "and": "condition",
    "or": "condition",
    "not": "condition",
}
"""Keys by which an action is known to people, and the file that does it."""
TRIGGERS = {"nanobot": "homeassistant"}
"""Triggers that are known by another name as well."""
_PLACES = "nanobot does not know where people are; have whoever does call a webhook, and take 'trigger: webhook'"
ELSEWHERE: dict[tuple[Kind, str], str] = {
    ("trigger", "device"): "'device' triggers belong to Home Assistant's devices, which nanobot does not have; "
    "take 'trigger: state' with the entity, or 'trigger: event'",
    ("trigger", "mqtt"): "nanobot has no MQTT; have whoever publishes the message call a webhook, "
    "and take 'trigger: webhook'",
    ("trigger", "sun"): "nanobot does not compute when the sun rises; take 'trigger: time' with a sensor whose "
    "device_class is timestamp, such as one that Home Assistant passes on",
    ("trigger", "zone"): _PLACES,
    ("trigger", "geo_location"): _PLACES,
    ("trigger", "calendar"): "nanobot has no calendars; take 'trigger: time' with an input_datetime or a sensor whose "
    "device_class is timestamp, or 'trigger: cron'",
    ("trigger", "tag"): "nanobot scans no tags; whoever does can fire the event tag_scanned: take 'trigger: event' "
    "with event_type: tag_scanned",
    ("trigger", "start"): "take 'trigger: nanobot' with 'event: start'",
    ("trigger", "shutdown"): "take 'trigger: nanobot' with 'event: shutdown'",
    ("condition", "device"): "'device' conditions belong to Home Assistant's devices, which nanobot does not have; "
    "take 'condition: state' with the entity",
    ("condition", "sun"): "nanobot does not compute where the sun is; take 'condition: time', or 'condition: state' "
    "with an entity that Home Assistant passes on",
    ("condition", "zone"): "nanobot knows no places of people; take 'condition: state' with the entity",
}
"""Words that people know from elsewhere, and what to write here instead."""


def find(kind: Kind, name: str) -> ModuleType | None:
    """The file of a word, None when there is none. May import: call it in a thread where the loop must not wait.

    Raises whatever importing it raises.
    """
    known = _FOUND.get((kind, name))
    if known is not None:
        return known
    if not _NAME.fullmatch(name):
        return None
    if name in own(kind):
        file = f"{name}_" if keyword.iskeyword(name) else name  # no file can be imported that is called if.py
        found = _FOUND[kind, name] = importlib.import_module(f"nanobot.automation.{kind}s.{file}")
        return found
    return _import_if_there(f"integrations.{name}.{kind}")


_FOUND: dict[tuple[Kind, str], ModuleType] = {}
"""The words of nanobot itself that were asked for; those of integrations may be edited."""


@cache
def own(kind: Kind) -> frozenset[str]:
    """The words that the language itself has."""
    package = importlib.import_module(f"nanobot.automation.{kind}s")
    return frozenset(module.name.removesuffix("_") for module in pkgutil.iter_modules(package.__path__))


def _import_if_there(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            return None
        raise
