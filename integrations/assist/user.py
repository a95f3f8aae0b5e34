"""Sentences of the user's own: what is said, what is done, what is answered."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.wrong import Wrong, expected
from nanobot.util.text import shorten

from .ask import Answer, Ask

_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}
_SLOT = re.compile(r"\{(\w+)\}")


def template(value: Any) -> str:
    """A sentence with ``(either|or)``, ``[perhaps]`` and ``{slot}``."""
    text = cv.string(value).strip()
    if not text:
        raise expected("text", value)
    waiting = []
    for letter in text:
        if letter in _PAIRS.values():
            waiting.append(letter)
        elif letter in _PAIRS and (not waiting or waiting.pop() != _PAIRS[letter]):
            raise Wrong("brackets", value=shorten(text))
    if waiting:
        raise Wrong("brackets", value=shorten(text))
    return text


def service_call(value: Any) -> dict[str, Any]:
    """``script.good_night``, or a mapping with action, data and target."""
    if isinstance(value, str):
        return {"action": cv.service_name(value), "data": {}}
    found: dict[str, Any] = _CALL(value)
    return {"action": found.get("action") or found["service"], "data": {**found["data"], **found["target"]}}


_CALL = vol.All(
    vol.Schema(
        {
            vol.Exclusive("action", "action"): cv.service_name,
            vol.Exclusive("service", "action"): cv.service_name,
            vol.Optional("data", default=dict): dict,
            vol.Optional("target", default=dict): dict,
        }
    ),
    cv.has_at_least_one_key("action", "service"),
)

SENTENCE = vol.All(
    vol.Schema(
        {
            vol.Required("sentences"): vol.All(cv.ensure_list, [template], vol.Length(min=1)),
            vol.Optional("action"): vol.All(cv.ensure_list, [service_call]),
            vol.Optional("response"): cv.string,
        }
    ),
    cv.has_at_least_one_key("action", "response"),
)


@dataclass(frozen=True, slots=True)
class UserSentences:
    """All of them; ``templates`` are numbered through, ``owners`` says whose each one is."""

    blocks: tuple[Mapping[str, Any], ...]
    templates: tuple[str, ...]
    owners: tuple[int, ...]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> UserSentences:
        """Those of a configuration."""
        blocks = tuple(config.get("sentences", ()))
        numbered = [(text, index) for index, block in enumerate(blocks) for text in block["sentences"]]
        return cls(blocks, tuple(text for text, _ in numbered), tuple(index for _, index in numbered))

    def without(self, unreadable: Collection[str]) -> UserSentences:
        """Those of them that can be used."""
        kept = [(t, owner) for t, owner in zip(self.templates, self.owners, strict=True) if t not in unreadable]
        return UserSentences(self.blocks, tuple(t for t, _ in kept), tuple(owner for _, owner in kept))

    async def answer(self, ask: Ask, number: int) -> Answer:
        """Do what the sentence with this number asks for."""
        block = self.blocks[self.owners[number]]
        for call in block.get("action", ()):
            await ask.call(call["action"], filled(call["data"], ask.slots))
        response = block.get("response")
        return _filled_text(response, _shown(ask)) if response else ask.say("done")


def filled(data: Any, slots: Mapping[str, Any]) -> Any:
    """The data with ``{slots}`` in its texts filled in."""
    if isinstance(data, Mapping):
        return {key: filled(value, slots) for key, value in data.items()}
    if isinstance(data, list):
        return [filled(value, slots) for value in data]
    return _filled_text(data, slots) if isinstance(data, str) else data


def _filled_text(text: str, slots: Mapping[str, Any]) -> str:
    return _SLOT.sub(lambda found: str(slots.get(found[1], found[0])), text)


def _shown(ask: Ask) -> dict[str, Any]:
    """The slots for a person to read: names instead of ids."""
    state = ask.state
    return {**ask.slots, **({"name": state.name} if state else {})}
