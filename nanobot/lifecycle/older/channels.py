"""The channels of the older nanobot, as far as there are such here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .keys import Keys
from .note import Notes
from .section import Section

_NUMBER = re.compile(r"-?\d{1,18}")
_TOKEN = re.compile(r"\d+:\S+")
EVERYBODY = "*"
NO_CHANNELS = (
    "delivery", "send_progress", "send_tool_hints", "show_reasoning", "send_max_retries", "transcription_provider",
    "transcription_language", "extract_document_text", "streaming",
)  # fmt: skip
BY_THE_PAGE = ("websocket", "webui")
"""What our page and API are for."""


def entries(
    channels: Section, approved: Mapping[str, list[str]], keys: Keys, notes: Notes, here: Callable[[str], bool]
) -> dict[str, Any]:
    """By key of our configuration. ``approved``: whom a pairing code let in, by channel. ``here``: whether there is an
    integration of that name."""
    found: dict[str, Any] = {}
    channels.ignore(*NO_CHANNELS)
    for name, section in channels.sections().items():
        if not section.flag("enabled", False):
            if any(word in section for word in ("token", "bot_token", "app_id", "imap_host")):
                notes.add("channel_off", channel=name)
        elif name == "telegram":
            if (entry := _telegram(section, approved.get(name, []), keys, notes)) is not None:
                found[name] = entry
        elif name in BY_THE_PAGE:
            notes.add("page")
        else:
            notes.add("by_hand" if here(name) else "no_channel", channel=name)
    return found


def approved(pairing: Any) -> dict[str, list[str]]:
    """Of ``pairing.json``: senders by channel."""
    people = pairing.get("approved") if isinstance(pairing, dict) else None
    return {
        str(channel): [str(one) for one in senders if isinstance(one, str | int)]
        for channel, senders in (people.items() if isinstance(people, dict) else ())
        if isinstance(senders, list)
    }


def _telegram(section: Section, paired: list[str], keys: Keys, notes: Notes) -> dict[str, Any] | None:
    token = section.text("token")
    if token is None or ("${" not in token and not _TOKEN.fullmatch(token)):
        notes.add("no_bot_token")
        return None
    kept = keys.keep("telegram_token", token)
    if kept is None:
        return None
    entry: dict[str, Any] = {"token": kept, "allow": _people("telegram", section.texts("allow_from"), notes)}
    if not entry["allow"]:
        notes.add("nobody", channel="telegram")
    if guests := sorted(set(paired) - {str(one) for one in entry["allow"]}):
        notes.add("paired", channel="telegram", people=", ".join(guests))
    if section.text("group_policy") == "open":
        entry["groups"] = "all"
    if "streaming" in section and not section.flag("streaming", True):
        entry["streaming"] = False
    if proxy := section.text("proxy"):
        entry["proxy"] = keys.address("telegram_proxy", proxy)
    if section.text("mode") == "webhook":
        notes.add("polls")
    section.ignore(
        "reply_to_message", "react_emoji", "inline_keyboards", "rich_messages", "stream_edit_interval",
        "connection_pool_size", "pool_timeout", "send_progress", "send_tool_hints", "show_reasoning",
    )  # fmt: skip
    for option in ("url", "path", "host", "port", "secret_token", "secret", "listen", "max_connections"):
        section.ignore(f"webhook_{option}")
    section.tell_rest()
    return entry


def _people(channel: str, given: Iterable[str], notes: Notes) -> list[int]:
    """Numbers of accounts and groups. Older releases wrote ``number|name``."""
    found: dict[int, None] = {}
    for one in given:
        number = one.partition("|")[0].strip()
        if one == EVERYBODY:
            notes.add("everybody", channel=channel)
        elif _NUMBER.fullmatch(number):
            found[int(number)] = None
        else:
            notes.add("no_number", channel=channel, who=one)
    return list(found)
