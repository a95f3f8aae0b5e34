"""The sentence files: one sentence out of each template is understood, and answered in whole words."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hassil.expression import Alternative, Expression, Group, ListReference, RuleReference, TextChunk
from hassil.intents import Intents, RangeSlotList, TextSlotList

from integrations.assist.answers import ANSWERS
from integrations.assist.grammar import OWN, PACKAGED, SENTENCES
from nanobot.contracts.agent import Turn
from nanobot.hub.context import Context
from nanobot.util.translate import find

FREE = {"text": "water", "value": "21", "label": "pasta", "entry": "counter"}
NAMED = ("input_boolean.coffee", "input_number.target", "counter.cups", "script.good_night")
NOT_ASKED = frozenset({"Reload"})
"""Understood, but not done hundreds of times."""


class Speaker:
    """Makes sentences out of templates, always the same ones."""

    def __init__(self, intents: Intents, names: list[str]) -> None:
        self.intents = intents
        self.names = names
        self.random = random.Random(7)

    def say(self, expression: Expression) -> str:
        match expression:
            case TextChunk():
                return expression.text
            case Alternative():
                return self.say(self.random.choice(expression.items))
            case Group():
                return "".join(self.say(item) for item in expression.items)
            case RuleReference():
                return self.say(self.intents.expansion_rules[expression.rule_name].expression)
            case ListReference():
                return self.slot(expression.list_name)
        raise TypeError(expression)

    def slot(self, name: str) -> str:
        if name == "name":
            return self.random.choice(self.names)
        if name in FREE:
            return FREE[name]
        values = self.intents.slot_lists[name]
        if isinstance(values, TextSlotList):
            return self.say(self.random.choice(values.values).text_in)
        assert isinstance(values, RangeSlotList)
        return str(self.random.randint(values.start, min(values.stop, values.start + 50)))


@pytest.mark.parametrize("language", OWN)
async def test_every_template_is_understood_and_answered(home: Any, language: str) -> None:
    await home.begin(language)
    intents = Intents.from_dict(json.loads((SENTENCES / f"{language}.json").read_bytes()))
    names = [home.hub.states.get(entity_id).name for entity_id in NAMED]
    speaker = Speaker(intents, names)
    agent = home.hub.agents.get("assist")
    grammar = await agent._grammar(language)
    other = []
    said = 0
    for name, intent in intents.intents.items():
        for sentence in [sentence for block in intent.data for sentence in block.sentences]:
            text = " ".join(speaker.say(sentence.expression).split())
            said += 1
            found = grammar.understand(text, agent._now(), ())
            if not found or found[0].intent != name:
                other.append((name, text, found[0].intent if found else None))
            if name in NOT_ASKED:
                continue
            turn = Turn(str(said), "chat:test", "chat", "test", "tester", text, Context(), language)
            answer = (await agent.answer(turn)).text
            assert answer.strip(), text
            assert not re.search(r"component\.|answers\.|\{\w+\}", answer), f"{text} was answered {answer}"
    # a few are the same words as those of another intent, as "timer status" is
    assert len(other) <= said * 0.03, other


def test_every_language_has_the_same_intents_lists_and_slots() -> None:
    files = {language: json.loads((SENTENCES / f"{language}.json").read_bytes()) for language in OWN}
    english = files["en"]
    for language, data in files.items():
        assert data["intents"].keys() == english["intents"].keys(), language
        assert {"name", "entry"}.isdisjoint(data["lists"]), language


def test_every_intent_has_an_answer() -> None:
    own = json.loads((SENTENCES / "en.json").read_bytes())["intents"]
    assert set(own) <= ANSWERS.keys()
    assert set(PACKAGED) <= ANSWERS.keys()


@pytest.mark.parametrize("language", OWN)
async def test_every_text_that_is_answered_is_translated(hub: Any, set_up: Any, language: str) -> None:
    await set_up("assist")
    for group in ("answers", "examples", "states", "kinds", "units", "lists", "weekdays", "months"):
        assert find(f"component.assist.{group}", language), f"{group} in {language}"
