"""``trigger: message``: somebody wrote to nanobot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.conversations.message import Message
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.templates import TemplateError
from nanobot.templates.functions.patterns import Pattern, run
from nanobot.util.text import shorten

LONGEST = 20_000  # characters in which a pattern is looked for
KINDS = ("image", "audio", "video", "file")
_KIND_OF = {"image": "image", "audio": "audio", "video": "video"}


def _pattern(value: Any) -> str:
    text = str(cv.string(value))
    try:
        run(_search, "pattern", "", text, True)
    except (ValueError, TemplateError) as error:
        raise vol.Invalid(str(error)) from None
    except Exception as error:  # a pattern that takes too long to be understood
        raise vol.Invalid(f"{shorten(text)} cannot be used: {error}") from None
    return text


def _listed(one: Any) -> Any:
    return vol.All(cv.ensure_list, vol.Length(min=1, msg="is an empty list, so nothing would ever fit"), [one])


SCHEMA = vol.Schema(
    {
        vol.Optional("channel"): _listed(cv.string),
        vol.Optional("chat"): _listed(cv.chat_id),
        vol.Optional("sender"): _listed(cv.chat_id),
        vol.Optional("owner"): cv.boolean,
        vol.Optional("group"): cv.boolean,
        vol.Optional("text"): _listed(cv.string),
        vol.Optional("pattern"): _pattern,
        vol.Optional("media"): vol.Any(vol.All(vol.In([True, False]), cv.boolean), _listed(cv.one_of(*KINDS))),
        vol.Optional("answer", default=True): cv.boolean,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``message`` (id, channel, chat, thread, sender, sender_name, owner, group, text, attachments, …) and
    ``match``: the groups of ``pattern``, by number and name.

    At once when the message is on disk, whatever else is under way in its chat; one that came while the hub started,
    when it has. Not for commands. With
    ``answer: false`` no agent sees it.
    """
    wanted = _Wanted(config, watch)

    def hear(told: Mapping[str, Any], context: Context) -> None:
        if told.get("command") is not None:
            return
        match = wanted.match(told)
        if match is not None:
            message = {name: value for name, value in told.items() if name != "command"}
            description = f"message from {message.get('sender_name') or message['sender']} on {message['channel']}"
            watch.fire({"platform": "message", "message": message, "match": match, "description": description}, context)

    def received(event: Event) -> None:
        hear(event.data, event.context)

    def take(message: Message) -> bool:
        return wanted.match(message.told()) is not None

    removes = [hub.bus.listen("message_received", received)]
    if watch.starting:
        for told, context in hub.conversations.early:
            hear(told, context)
    if not config["answer"]:
        removes.append(hub.conversations.claims.add(take))

    def detach() -> None:
        for remove in removes:
            remove()

    return detach


class _Wanted:
    """What a message has to be."""

    def __init__(self, config: Mapping[str, Any], watch: Watch) -> None:
        self._config = config
        self._watch = watch
        self._texts = {_plain(text) for text in config.get("text", ())}

    def match(self, message: Mapping[str, Any]) -> dict[Any, str | None] | None:
        """The groups of the pattern where the message is wanted, else None."""
        config = self._config
        for name in ("channel", "chat"):
            if name in config and message[name] not in config[name]:
                return None
        for name in ("owner", "group"):
            if name in config and bool(message[name]) is not config[name]:
                return None
        if "sender" in config and message["sender"] not in config["sender"]:
            return None
        if "media" in config and not _has(message["attachments"], config["media"]):
            return None
        if self._texts and _plain(message["text"]) not in self._texts:
            return None
        return self._groups(message["text"])

    def _groups(self, text: str) -> dict[Any, str | None] | None:
        pattern = self._config.get("pattern")
        if pattern is None:
            return {}
        if len(text) > LONGEST:
            return None
        try:
            found: dict[Any, str | None] | None = run(_search, "pattern", text, pattern, True)
            return found
        except Exception as error:  # a pattern that takes too long for this text; whoever wrote it is to know
            self._watch.log.warning("trigger 'message', pattern: %s", error)
            return None


def _search(pattern: Pattern, text: str) -> dict[Any, str | None] | None:
    for found in pattern.matches(text):
        return {0: found[0], **dict(enumerate(found.groups(), 1)), **found.groupdict()}
    return None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?")


def _has(attachments: list[Mapping[str, Any]], media: bool | list[str]) -> bool:
    kinds = {_KIND_OF.get(str(file["media_type"]).partition("/")[0], "file") for file in attachments}
    return bool(kinds) is media if isinstance(media, bool) else not kinds.isdisjoint(media)
