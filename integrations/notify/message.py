"""What is sent, made of what Home Assistant's callers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv

MESSAGE = vol.Schema(
    {
        vol.Required("message"): cv.string,
        vol.Optional("title"): cv.string,
        vol.Optional("target"): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("data"): vol.Any(None, dict),
    }
)
_TEXT: Mapping[str, Any] = {"selector": {"text": {}}}
FIELDS = {
    "message": {"required": True, **_TEXT},
    "title": _TEXT,
    "target": {"selector": {"object": {}}},
    "data": {"selector": {"object": {}}},
}
"""For clients."""


@dataclass(frozen=True, slots=True)
class Message:
    """``to``: names or chats that the caller wants instead of the target's own. ``notification_id``: of a notice."""

    text: str
    title: str | None = None
    buttons: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    notification_id: str | None = None

    @property
    def titled(self) -> str:
        """The text below its title, in Markdown."""
        title = (self.title or "").strip()
        if not title:
            return self.text
        return f"{title}\n\n{self.text}" if "*" in title or "\n" in title else f"**{title}**\n\n{self.text}"


def message_of(call: Mapping[str, Any]) -> Message:
    """From the data of a service call. What other platforms want in ``data`` is ignored, as in Home Assistant."""
    data = call.get("data") or {}
    return Message(
        text=call["message"],
        title=call.get("title"),
        buttons=_buttons(data),
        to=tuple(call.get("target") or ()),
        notification_id=None if data.get("notification_id") is None else str(data["notification_id"]),
    )


def _buttons(data: Mapping[str, Any]) -> tuple[str, ...]:
    """``buttons`` are labels; ``actions`` are those of Home Assistant's apps, which have a title."""
    found: list[str] = []
    for key in ("buttons", "actions"):
        given = data.get(key) or ()
        for one in given if isinstance(given, (list, tuple)) else (given,):
            label = one.get("title") or one.get("action") if isinstance(one, Mapping) else one
            if label is not None and str(label).strip():
                found.append(str(label))
    return tuple(found)
