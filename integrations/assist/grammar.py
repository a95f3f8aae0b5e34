"""The sentences of one language, and what a text means by them. The one place that knows hassil.

Nothing here may run on the event loop: importing hassil takes 150 ms, the first match of a language parses its
sentences.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hassil.errors import HassilError
from hassil.intents import Intents, SlotList, TextSlotList, WildcardSlotList
from hassil.parse_expression import ParseExpressionError
from hassil.recognize import RecognizeResult, recognize_all
from home_assistant_intents import get_intents, get_languages

from .world import World, plain

OWN = ("en", "de", "fr", "es", "zh")
SENTENCES = Path(__file__).parent / "sentences"
PACKAGED = {
    "HassTurnOn": None,
    "HassTurnOff": None,
    "HassGetState": None,
    "HassGetCurrentTime": None,
    "HassGetCurrentDate": None,
    "HassNevermind": None,
    "HassStartTimer": None,
    "HassCancelTimer": None,
    "HassCancelAllTimers": None,
    "HassPauseTimer": None,
    "HassUnpauseTimer": None,
    "HassIncreaseTimer": None,
    "HassDecreaseTimer": None,
    "HassTimerStatus": None,
    "HassLightSet": "light",
    "HassSetPosition": "cover",
    "HassSetVolume": "media_player",
    "HassFanSetSpeed": "fan",
    "HassClimateSetTemperature": "climate",
    "HassClimateGetTemperature": "climate",
    "HassMediaPause": "media_player",
    "HassMediaUnpause": "media_player",
    "HassMediaNext": "media_player",
    "HassMediaPrevious": "media_player",
    "HassVacuumStart": "vacuum",
    "HassVacuumReturnToBase": "vacuum",
}
"""The packaged intents that are answered, with the domain without which they make no sense."""

_BY_PLACE = re.compile(r"\{(area|floor)\b")
_SLOT = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text means. ``names``: which entities each name may stand for.

    ``unknown``: the text stands where a name should, but nothing is called so.
    """

    intent: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    unknown: str | None = None
    unknown_entry: str | None = None
    guessed: int = 0
    matched: int = 0
    response: str = "default"


class Grammar:
    """What is understood in one language: the user's sentences, ours, the packaged ones, in this order."""

    def __init__(self, language: str) -> None:
        self.language = language
        base = language.split("-")[0].lower()
        self.own_language = base if base in OWN else "en"
        own = json.loads((SENTENCES / f"{self.own_language}.json").read_bytes())
        self._own = Intents.from_dict(own)
        self._skip = list(own.get("skip_words", ()))
        self._packaged_data = _packaged(language)
        self._packaged: Intents | None = None
        self._spoken_of = _domains(self._packaged_data)
        self._packaged_for: frozenset[str] = frozenset()
        self._world: World | None = None
        self._lists: dict[str, SlotList] = {}
        self._user: Intents | None = None
        self._user_key: object = None
        self._lock = threading.Lock()

    @property
    def responses(self) -> Mapping[str, Any]:
        """The packaged answers, by intent and kind: Jinja templates."""
        found: Mapping[str, Any] = self._packaged_data.get("responses", {}).get("intents", {})
        return found

    def warm_up(self, world: World, texts: Iterable[str]) -> None:
        """Parse everything once, so that the first person does not wait for it. ``texts``: the usual ones."""
        for text in (*texts, "xyzzy 12 xyzzy"):
            self.understand(text, world, ())

    def understand(self, text: str, world: World, sentences: tuple[str, ...]) -> list[Meaning]:
        """What the text may mean, best first; several only when one name stands for several things.

        ``sentences``: templates of the user; their intents are called ``user <index>``.
        """
        with self._lock:
            return self._understand(text, world, sentences)

    def _understand(self, text: str, world: World, sentences: tuple[str, ...]) -> list[Meaning]:
        self._know(world, sentences)
        lists = self._lists
        if self._user is not None and (found := self._matches(self._user, text, lists)):
            return found
        if found := self._matches(self._own, text, lists):
            return found
        packaged = self._packaged_intents(world)
        if packaged is not None and (found := self._matches(packaged, text, lists)):
            return found
        return self._loosely(text)

    def _know(self, world: World, sentences: tuple[str, ...]) -> None:
        if world is not self._world:
            self._world = world
            _ = world.plainly  # made here, off the loop, for whoever asks later
            names = [(spoken, entity_id, {"domain": entity_id.partition(".")[0]}) for spoken, entity_id in world.spoken]
            entries = [(entry.replace("_", " "), entry) for entry in world.entries]
            entries += [(entry, entry) for entry in world.entries if "_" in entry]
            self._lists = {
                "name": TextSlotList.from_tuples(names, allow_template=False, name="name"),
                "entry": TextSlotList.from_tuples(entries, allow_template=False, name="entry"),
            }
        if sentences is not self._user_key:
            self._user_key = sentences
            self._user = user_intents(self.language, sentences, self._skip) if sentences else None

    def _packaged_intents(self, world: World) -> Intents | None:
        """Only what can be said about the domains that are there: the rest need not be parsed."""
        if not self._packaged_data:
            return None
        domains = world.domains | ({"switch"} if "input_boolean" in world.domains else set())
        domains &= self._spoken_of
        if self._packaged is None or domains != self._packaged_for:
            self._packaged_for = domains
            self._packaged = Intents.from_dict(_about(self._packaged_data, domains))
        return self._packaged

    def _loosely(self, text: str) -> list[Meaning]:
        """With anything in the place of a name: then we know at least what was wanted."""
        lists: dict[str, SlotList] = {slot: WildcardSlotList(name=slot) for slot in ("name", "entry")}
        found = [meaning for meaning in self._all(self._own, text, lists) if meaning.matched > 1]
        return [min(found, key=lambda meaning: (-meaning.matched, meaning.guessed))] if found else []

    def _all(self, intents: Intents, text: str, lists: dict[str, SlotList]) -> list[Meaning]:
        language = intents.language if intents is not self._own else self.own_language
        results = recognize_all(text, intents, slot_lists=lists, skip_words=self._skip, language=language)
        return [_meaning(result, text) for result in results if result.response != "command"]

    def _matches(self, intents: Intents, text: str, lists: dict[str, SlotList]) -> list[Meaning]:
        found = self._all(intents, text, lists)
        if not found:
            return []
        best = min(found, key=_rank)
        names: dict[str, None] = {}
        for meaning in found:
            if meaning.intent == best.intent and _rank(meaning) == _rank(best):
                names.update(dict.fromkeys(meaning.names))
        return [
            Meaning(best.intent, {**best.slots, "name": name}, (name,), response=best.response) for name in names
        ] or [best]


def unreadable(sentences: Iterable[str]) -> dict[str, str]:
    """The user's sentences that cannot be used, and why."""
    lists: dict[str, SlotList] = {slot: WildcardSlotList(name=slot) for slot in ("name", "entry")}
    found = {}
    for sentence in sentences:
        try:
            intents = user_intents("en", (sentence,), ())
            for text in (sentence, "x"):  # matching looks at all parts of the sentence
                list(recognize_all(text, intents, slot_lists=lists))
        except (HassilError, ParseExpressionError, ValueError, AssertionError) as error:
            found[sentence] = str(error)
    return found


def user_intents(language: str, sentences: tuple[str, ...], skip_words: Iterable[str]) -> Intents:
    """Sentences as the user wrote them; a ``{slot}`` other than ``{name}`` and ``{entry}`` takes any words."""
    slots = {slot for sentence in sentences for slot in _SLOT.findall(sentence)} - {"name", "entry"}
    return Intents.from_dict(
        {
            "language": language,
            "skip_words": list(skip_words),
            "lists": {slot: {"wildcard": True} for slot in slots},
            "intents": {f"user {index}": {"data": [{"sentences": [s]}]} for index, s in enumerate(sentences)},
        }
    )


def _meaning(result: RecognizeResult, text: str) -> Meaning:
    slots: dict[str, Any] = {}
    names: tuple[str, ...] = ()
    unknown = unknown_entry = None
    guessed = 0
    for entity in result.entities_list:
        value = entity.value
        if entity.is_wildcard:
            guessed += len(entity.text)
            value = _as_written(entity.text, entity.text_span, text)
        if entity.name == "name" and not result.intent.name.endswith("Timer") and "label" not in slots:
            if entity.is_wildcard:
                unknown = value
            else:
                names = (str(value),)
        elif entity.name == "entry" and entity.is_wildcard:
            unknown_entry = value
        if entity.name == "state":
            slots["said"] = entity.text.strip()
        slots[entity.name] = value
    return Meaning(
        result.intent.name,
        slots,
        names,
        unknown,
        unknown_entry,
        guessed,
        result.text_chunks_matched,
        result.response or "default",
    )


def _rank(meaning: Meaning) -> tuple[int, int]:
    """The less is left to guesses the better, then the more words were literal."""
    return meaning.guessed, -meaning.matched


def _as_written(value: str, span: tuple[int, int] | None, text: str) -> str:
    """Free text with the marks that matching leaves out, where hassil says where it was."""
    if span is not None and plain(text[span[0] : span[1]]) == plain(value) != "":
        return text[span[0] : span[1]].strip()
    return value.strip()


def _packaged(language: str) -> dict[str, Any]:
    """The packaged intents of a language that are answered here and do not ask for areas."""
    found = _packaged_name(language)
    data: dict[str, Any] | None = get_intents(found) if found else None
    if data is None:
        return {}
    intents = {}
    for name in PACKAGED:
        blocks = [block for block in data["intents"].get(name, {}).get("data", ()) if _is_placeless(block)]
        for block in blocks:
            block["sentences"] = [s for s in block["sentences"] if not _BY_PLACE.search(s)]
        blocks = [block for block in blocks if block["sentences"]]
        if blocks:
            intents[name] = {"data": blocks}
    responses = {name: data.get("responses", {}).get("intents", {}).get(name, {}) for name in intents}
    return {**data, "intents": intents, "responses": {"intents": responses}}


def _packaged_name(language: str) -> str | None:
    known = {name.lower(): name for name in get_languages()}
    base = language.split("-")[0].lower()
    for wanted in (language.lower(), {"zh": "zh-cn", "no": "nb"}.get(base, base)):
        if wanted in known:
            return known[wanted]
    return None


def _is_placeless(block: Mapping[str, Any]) -> bool:
    needs = {**block.get("requires_context", {}), **block.get("slots", {})}
    return not {"area", "floor"} & needs.keys()


def _about(data: Mapping[str, Any], domains: frozenset[str]) -> dict[str, Any]:
    intents = {}
    for name, intent in data["intents"].items():
        if PACKAGED[name] is not None and PACKAGED[name] not in domains:
            continue
        blocks = [block for block in intent["data"] if _is_about(block, domains)]
        if blocks:
            intents[name] = {"data": blocks}
    return {**data, "intents": intents}


def _is_about(block: Mapping[str, Any], domains: frozenset[str]) -> bool:
    wanted = _domains_of(block)
    return not wanted or bool(wanted & domains)


def _domains(data: Mapping[str, Any]) -> frozenset[str]:
    """All domains that the packaged sentences speak of."""
    blocks = (block for intent in data.get("intents", {}).values() for block in intent["data"])
    needed = {domain for domain in PACKAGED.values() if domain}
    return frozenset(needed.union(*map(_domains_of, blocks)))


def _domains_of(block: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for source in (block.get("requires_context", {}), block.get("slots", {})):
        domain = source.get("domain", ())
        found |= {domain} if isinstance(domain, str) else set(domain)
    return found
