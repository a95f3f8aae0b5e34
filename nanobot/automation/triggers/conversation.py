"""``trigger: conversation``: somebody said a sentence. The response of the run is the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.sentence import Match, Sentence
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import ConfigError
from nanobot.hub.hub import Hub
from nanobot.util.text import shorten

LONGEST = 500  # characters of a sentence
DEEPEST = 10  # brackets within brackets
_PUNCTUATION = re.compile(r"[.。,，?¿？؟!¡！;；:：…]")
_BRACKETS = {")": "(", "]": "[", "}": "{", ">": "<"}
_SLOT = re.compile(r"\w+")


def _sentence(value: Any) -> str:
    text = " ".join(str(cv.string(value)).split())
    if not text:
        raise vol.Invalid("a sentence has at least one word")
    if len(text) > LONGEST:
        raise vol.Invalid(f"a sentence has at most {LONGEST} characters")
    if found := _PUNCTUATION.search(text):
        raise vol.Invalid(
            f"{shorten(text)}: leave out '{found[0]}'; punctuation does not count when a sentence is compared"
        )
    if wrong := _wrong(text):
        raise vol.Invalid(f"{shorten(text)}: {wrong}")
    return text


def _wrong(text: str) -> str | None:
    """What is wrong with the brackets, if anything is."""
    opened: list[tuple[str, int]] = []
    for place, one in enumerate(text):
        if one in "([{<":
            opened.append((one, place))
            if len(opened) > DEEPEST:
                return f"brackets lie in one another more than {DEEPEST} deep"
        elif one in ")]}>":
            if not opened or opened[-1][0] != _BRACKETS[one]:
                return f"a '{one}' closes nothing"
            start = opened.pop()[1] + 1
            if one == "}" and not _SLOT.fullmatch(text[start:place]):
                return f"'{{{text[start:place]}}}' is no slot; its name has letters, digits and _"
            if one == ">":
                return "'<…>' stands for a rule, and there are none here; write '(one|other)' or '[optional]'"
    if opened:
        return f"the '{opened[-1][0]}' is not closed"
    bare = re.sub(r"\[[^\[\]]*\]|\{\w+\}|[()|]", " ", text)
    return None if bare.strip() or "{" in text else "at least one word of it has to be said"


SCHEMA = vol.Schema(
    {
        vol.Required("command"): vol.All(
            cv.ensure_list, vol.Length(min=1, msg="at least one sentence is needed"), [_sentence]
        )
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``sentence``, ``slots``, ``details``, ``device_id``, ``user_input``, and ``message`` (where).

    Comes before any agent. Whoever said it waits for the run, and is told its response, or else that it is done.
    """
    sentences = tuple(config["command"])
    if wrong := await hub.sentences.check(sentences):
        raise ConfigError("; ".join(f"{shorten(sentence)}: {why}" for sentence, why in wrong.items()))

    async def said(match: Match) -> str | None:
        response = await watch.ask(_told(match), match.heard.context)
        return None if response is None else str(response)

    return hub.sentences.add(Sentence(sentences, said))


def _told(match: Match) -> dict[str, Any]:
    heard = match.heard
    details = {name: {"name": name, "text": text, "value": text} for name, text in match.slots.items()}
    return {
        "platform": "conversation",
        "sentence": heard.text,
        "details": details,
        "slots": dict(match.slots),
        "device_id": heard.device_id,
        "user_input": heard.as_dict(),
        "message": {
            "text": heard.text,
            "channel": heard.channel,
            "chat": heard.chat,
            "thread": heard.thread,
            "sender": heard.sender,
            "owner": heard.owner,
        },
    }
