"""Sentences of the configuration that ask for an intent: ``conversation: intents:`` as in Home Assistant (2025.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nanobot.contracts.intent import Asked
from nanobot.contracts.sentence import Match, Sentence
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.issues import Severity

from .intents import BUILT_IN, handle


async def listen(hub: Hub, entry: Entry, sentences: Mapping[str, Sequence[str]]) -> None:
    """Answer the sentences of each intent. Those that cannot be read, and intents that nobody answers, are shown."""
    wrong = await hub.sentences.check(tuple(text for texts in sentences.values() for text in texts))
    if wrong:
        entry.issue("sentence", problem="; ".join(f"'{text}': {why}" for text, why in wrong.items()))
    for name, texts in sentences.items():
        readable = tuple(text for text in texts if text not in wrong)
        if readable:
            entry.on_unload(hub.sentences.add(_sentence(hub, name, readable)))

    def look(event: Event | None = None) -> None:
        lacking = [name for name in sentences if name not in hub.intents and name not in BUILT_IN]
        if lacking and hub.phase is Phase.RUNNING:
            entry.issue("unanswered", severity=Severity.WARNING, name=", ".join(lacking))
        else:
            entry.resolve("unanswered")

    entry.on_unload(hub.intents.watch(look))
    entry.listen("homeassistant_started", look, once=True)
    look()


def _sentence(hub: Hub, name: str, texts: tuple[str, ...]) -> Sentence:
    async def said(match: Match) -> str | None:
        heard = match.heard
        response = await handle(hub, name, Asked(heard.language, heard.context, match.slots))
        return response["speech"]["plain"]["speech"] or None

    return Sentence(texts, said)
