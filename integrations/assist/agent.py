"""The agent that answers without a model: it looks up what a sentence means, does it, and says so."""

from __future__ import annotations

import asyncio
import importlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread, settle
from nanobot.util.text import without_quote

from .answers import ANSWERS, FOR_OWNERS, fits
from .answers.talk import examples
from .ask import Answer, Ask, Question
from .phrases import Phrases
from .user import UserSentences
from .world import World, nearest_entry, plain

if TYPE_CHECKING:
    from .grammar import Grammar, Meaning

LANGUAGES = 3  # kept in memory at a time, about 3 MB each
QUESTIONS = 200  # chats whose question is remembered
PATIENCE = 300.0  # s after which a question is forgotten
LONGEST = 300  # characters of a message; nobody speaks commands longer than that
NEVER_A_TEXT = frozenset({"Nevermind", "No", "Help", "RemindersList", "Running", "Failed", "TimerLeft"})
"""What is never taken for the text of a reminder that was asked for."""

EXAMPLES = ("turn_on", "is_on", "set_number", "what_is", "run", "timer", "remind", "time", "failed", "reload")
"""Understood once at the start, so that the first person waits for nothing."""

HASS_TIMERS = frozenset(
    f"Hass{word}Timer" for word in ("Start", "Cancel", "Pause", "Unpause", "Increase", "Decrease")
) | {"HassTimerStatus"}


class AssistAgent(Agent):
    """Rank 0: answers where no other agent does."""

    rank = 0
    takes_files = False

    def __init__(self, hub: Hub, entry: Entry) -> None:
        super().__init__(entry.id)
        self._hub = hub
        self._entry = entry
        self._grammars: OrderedDict[str, Grammar] = OrderedDict()
        self._preparing = asyncio.Lock()
        self._questions: OrderedDict[str, tuple[float, Question]] = OrderedDict()
        self._world: World | None = None
        self.configure(entry.config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration, at first and after an edit. ``prepare`` follows."""
        self._language: str | None = config.get("language")
        self._sentences = UserSentences.of(config)
        self._prepared = False

    async def prepare(self) -> None:
        """Load what is heavy, off the loop, and look at the user's sentences: what cannot be read is left out."""
        async with self._preparing:
            if self._prepared:
                return
            module = await in_thread(importlib.import_module, f"{__package__}.grammar")
            wrong = await in_thread(module.unreadable, self._sentences.templates)
            self._sentences = self._sentences.without(wrong)
            if wrong:
                told = "; ".join(f"'{sentence}': {why}" for sentence, why in wrong.items())
                self._entry.issue("sentence", problem=told)
            else:
                self._entry.resolve("sentence")
            self._prepared = True

    async def warm_up(self) -> None:
        """Understand the usual sentences of the language once, so that the first person waits for nothing."""
        grammar = await self._grammar(self.language)
        say = Phrases(self.language)
        usual = [say.word("examples", key).format(name="xyzzy", value=5) for key in EXAMPLES]
        await in_thread(grammar.warm_up, self._now(), usual)

    @property
    def language(self) -> str:
        """The one that is spoken unless a message says otherwise."""
        return self._language or self._hub.language

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        yield await self.answer(turn)

    async def answer(self, turn: Turn) -> Text:
        """The answer to one message."""
        language = turn.language if turn.language != self._hub.language else self.language
        text = " ".join(without_quote(turn.text).split())
        ask = Ask(self._hub, turn, Phrases(language), self._now(), "", {}, turn.context.child("user"))
        return Text(await self._answer(ask, text), ask.understood)

    async def _answer(self, ask: Ask, text: str) -> str:
        language = ask.say.language
        try:
            if not text.strip("?!.… "):
                return await self._say(ask, "Help" if "?" in text else "Nevermind", {})
            if len(text) > LONGEST:
                ask.understood = False
                return ask.say("too_long")
            grammar = await self._grammar(language)
            named = ask.world.with_names(text)
            found = await in_thread(grammar.understand, named, ask.world, self._sentences.templates)
            reply = self._reply(ask, text, found)
            if reply is not None:
                return await self._say(ask, *reply)
            return await self._meant(ask, text, found, grammar)
        except NanobotError as error:
            reason = self._hub.scrubber.scrub(str(error))
            return ask.say("failed", error=reason.strip().rstrip("."))

    # -- from meanings to one thing to do ---------------------------------------------------------

    async def _meant(self, ask: Ask, text: str, found: list[Meaning], grammar: Grammar) -> str:
        if not found or (found[0].intent == "When" and " " not in text):
            return await self._not_understood(ask, text)
        first = found[0]
        if first.intent.startswith("user "):
            ask.slots = first.slots
            return self._told(ask, await self._sentences.answer(ask, int(first.intent.split()[1])))
        if first.unknown is not None:
            return await self._unknown_name(ask, first)
        if first.unknown_entry is not None and ask.turn.owner:
            return self._unknown_entry(ask, first)
        if len(found) > 1:
            able = [meaning for meaning in found if fits(first.intent, ask, meaning.names[0])] or found
            if len(able) > 1:
                return self._told(ask, self._which(ask, able))
            first = able[0]
        slots = dict(first.slots)
        if first.intent in HASS_TIMERS and "name" in slots:
            slots["label"] = slots.pop("name")
        if first.intent == "HassGetState" and first.response in ("any", "all", "which", "how_many"):
            slots["ask"] = first.response
        answer = await self._say(ask, first.intent, slots)
        if language_is_foreign(ask.say.language):
            render = await in_thread(importlib.import_module, f"{__package__}.render")
            told: str | None = await in_thread(render.render, ask, grammar.responses, first.response)
            return told or answer
        return answer

    def _reply(self, ask: Ask, text: str, found: list[Meaning]) -> tuple[str, dict[str, Any]] | None:
        """The thing to do when this message answers our last question."""
        asked, question = self._questions.pop(ask.turn.session, (0.0, None))
        if question is None or self._hub.clock.time() - asked > PATIENCE:
            return None
        intent = found[0].intent if found else ""
        if question.wants == "text" and intent not in NEVER_A_TEXT:
            return question.intent, {**question.slots, "text": text}
        if question.wants == "when" and intent in ("When", "TimerStart"):
            return question.intent, {**found[0].slots, **question.slots}
        if question.options and intent == "Yes" and len(question.options) == 1:
            return question.intent, {**question.slots, question.slot: question.options[0][1]}
        chosen = _chosen(text, question.options)
        if chosen is not None:
            return question.intent, {**question.slots, question.slot: chosen}
        return None

    def _which(self, ask: Ask, meanings: list[Meaning]) -> Question:
        """Several things have the name."""
        ids = [meaning.names[0] for meaning in meanings]
        names = [ask.world.called[entity_id] for entity_id in ids]
        labels = [f"{name} ({ids[index]})" if names.count(name) > 1 else name for index, name in enumerate(names)]
        text = ask.say("which_one", names=ask.say.listed(labels, 6, between="or"))
        options = tuple(zip(labels, ids, strict=True))
        return Question(text, meanings[0].intent, meanings[0].slots, "name", options)

    async def _unknown_name(self, ask: Ask, meaning: Meaning) -> str:
        unknown = str(meaning.unknown)
        similar = await in_thread(ask.world.near, unknown)
        near = [entity_id for entity_id in similar if fits(meaning.intent, ask, entity_id)][:3]
        if not near:
            ask.understood = False
            return self._suggest(ask, ask.say("unknown_name", text=unknown))
        options = tuple((ask.world.called[entity_id], entity_id) for entity_id in near)
        names = ask.say.listed((ask.say.quoted(name) for name, _ in options), between="or")
        text = ask.say("did_you_mean", text=unknown, names=names)
        return self._told(ask, Question(text, meaning.intent, meaning.slots, "name", options))

    def _unknown_entry(self, ask: Ask, meaning: Meaning) -> str:
        unknown = str(meaning.unknown_entry)
        near = nearest_entry(unknown, ask.world.entries)
        if near is None:
            return ask.say("unknown_entry", text=unknown, names=ask.say.listed(ask.world.entries, 12))
        text = ask.say("did_you_mean", text=unknown, names=ask.say.quoted(near))
        return self._told(ask, Question(text, meaning.intent, meaning.slots, "entry", ((near, near),)))

    async def _not_understood(self, ask: Ask, text: str) -> str:
        ask.understood = False
        mentioned = await in_thread(ask.world.mentioned, text)
        if mentioned:
            name = ask.world.called[mentioned[0]]
            key = "on_off_hint" if fits("TurnOff", ask, mentioned[0]) else "state_hint"
            return ask.say("not_understood_but", hint=ask.say(key, name=name))
        return self._suggest(ask, ask.say("not_understood"))

    def _suggest(self, ask: Ask, text: str) -> str:
        """Say what can be said instead."""
        some = [
            *examples(ask, 2),
            *(ask.say.word("examples", key) for key in ("timer", "running")[: 1 + ask.turn.owner]),
        ]
        return f"{text} {ask.say('try', examples=ask.say.listed(map(ask.say.quoted, some), between='or'))}"

    # -- doing it -----------------------------------------------------------------------------------

    async def _say(self, ask: Ask, intent: str, slots: Mapping[str, Any]) -> str:
        ask.intent, ask.slots = intent, slots
        if intent in FOR_OWNERS and not ask.turn.owner:
            return ask.say("owners_only")
        return self._told(ask, await settle(ANSWERS[intent](ask)))

    def _told(self, ask: Ask, answer: Answer) -> str:
        """The text; a question is remembered until it is answered."""
        if isinstance(answer, str):
            return answer
        self._questions[ask.turn.session] = (self._hub.clock.time(), replace(answer, slots=dict(answer.slots)))
        while len(self._questions) > QUESTIONS:
            self._questions.popitem(last=False)
        return answer.text

    # -- what is known ------------------------------------------------------------------------------

    def _now(self) -> World:
        self._world = World.of(self._hub, self._world)
        return self._world

    async def _grammar(self, language: str) -> Grammar:
        if not self._prepared:
            await self.prepare()
        known = self._grammars.get(language)
        if known is not None:
            self._grammars.move_to_end(language)
            return known
        async with self._preparing:
            if language not in self._grammars:
                module = await in_thread(importlib.import_module, f"{__package__}.grammar")
                self._grammars[language] = await in_thread(module.Grammar, language)
                while len(self._grammars) > LANGUAGES:
                    self._grammars.popitem(last=False)
            return self._grammars[language]


def language_is_foreign(language: str) -> bool:
    """Whether our own answers are not translated into it."""
    return language.split("-")[0].lower() not in ("en", "de", "fr", "es", "zh")


def _chosen(text: str, options: tuple[tuple[str, str], ...]) -> str | None:
    """The option that a reply means: by its number, its name or a part of it that only one has."""
    wanted = plain(text)
    if wanted.isdigit() and 1 <= int(wanted) <= len(options):
        return options[int(wanted) - 1][1]
    words = set(wanted.split()) - {"the", "a", "die", "der", "das", "le", "la", "el", "los", "one"}
    if not words:
        return None
    exact = [value for name, value in options if wanted in (plain(name), plain(value))]
    found = exact or [value for name, value in options if words <= set(plain(name).split())]
    return found[0] if len(found) == 1 else None
