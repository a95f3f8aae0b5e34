"""Patterns that name many entities or services at once, in the options of those who let through or keep back."""

from __future__ import annotations

import re
from typing import Any

import voluptuous as vol

from . import validators as cv

_GLOB = re.compile(r"[a-z0-9_*?]+(?:\.[a-z0-9_*?]+)?")
_EVENT = re.compile(r"[A-Za-z0-9_.*?-]{1,64}")


def entity_glob(value: Any) -> str:
    """``light.kitchen``, ``light`` for all of that domain, ``*.kitchen_*``."""
    return _glob(value, "is no entity; write it like 'light.kitchen', 'light' or '*.kitchen_*'")


def service_glob(value: Any) -> str:
    """``light.turn_on``, ``light`` for all of that domain, ``*.turn_on``."""
    return _glob(value, "is no service; write it like 'light.turn_on', 'light' or '*.turn_on'")


def event_glob(value: Any) -> str:
    """``message_received``, ``my_*``, ``*``."""
    text = cv.string(value).strip()
    if not _EVENT.fullmatch(text):
        raise vol.Invalid("is no type of events; write it like 'state_changed' or 'my_*'")
    return text


entity_globs = vol.All(cv.ensure_list, [entity_glob])
service_globs = vol.All(cv.ensure_list, [service_glob])
event_globs = vol.All(cv.ensure_list, [event_glob])


def _glob(value: Any, otherwise: str) -> str:
    text = cv.string(value).strip().lower()
    if not _GLOB.fullmatch(text):
        raise vol.Invalid(otherwise)
    return text if "." in text or text == "*" else f"{text}.*"
