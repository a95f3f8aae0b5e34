"""What led to something, and what kept an automation from running, asked in five languages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

COFFEE = "input_boolean.coffee"
WORDS = {
    "en": [
        ("Why is the coffee machine on?", "because the automation “Brew” called input_boolean.turn_on"),
        ("why did the coffee machine turn on", "because the automation “Brew” called"),
        ("who turned on the coffee machine?", "because the automation “Brew” called"),
        ("Why didn't Never run?", "None of its triggers has fired"),
        ("why did never not run", "None of its triggers has fired"),
    ],
    "de": [
        ("Warum ist die Kaffeemaschine an?", "weil die Automation „Brew“ input_boolean.turn_on aufgerufen hat"),
        ("wer hat die Kaffeemaschine eingeschaltet?", "weil die Automation „Brew“"),
        ("Warum lief Never nicht?", "keiner der Auslöser ausgelöst"),
        ("Wieso ist Never nicht gelaufen", "keiner der Auslöser ausgelöst"),
    ],
    "fr": [
        ("Pourquoi la machine à café est allumée ?", "parce que l'automatisation « Brew » a appelé"),
        ("qui a allumé la machine à café ?", "parce que l'automatisation « Brew » a appelé"),
        ("pourquoi Never ne s'est pas exécuté ?", "Aucun de ses déclencheurs"),
    ],
    "es": [
        ("¿Por qué está encendida la cafetera?", "porque la automatización «Brew» llamó a"),
        ("¿quién encendió la cafetera?", "porque la automatización «Brew» llamó a"),
        ("¿por qué no se ejecutó Never?", "ninguno de sus disparadores"),
    ],
    "zh": [
        ("为什么咖啡机是开的？", "因为自动化“Brew”调用了 input_boolean.turn_on"),
        ("谁打开了咖啡机", "因为自动化“Brew”调用了"),
        ("为什么Never没有运行", "它的触发器从未触发"),
    ],
}
AUTOMATIONS = [
    {
        "alias": "Brew",
        "triggers": {"trigger": "event", "event_type": "brew"},
        "actions": {"action": "input_boolean.turn_on", "target": {"entity_id": COFFEE}},
    },
    {"alias": "Never", "triggers": {"trigger": "event", "event_type": "never"}, "actions": []},
]


@pytest.mark.parametrize("language", WORDS)
async def test_why_and_why_not_are_answered(home: Any, language: str) -> None:
    await home.begin(language, automation=AUTOMATIONS)
    home.hub.bus.fire("brew")
    await asyncio.sleep(0.05)
    assert home.hub.states.get(COFFEE).state == "on"
    for asked, wanted in WORDS[language]:
        answer = str(await home.chat.types(asked))
        assert wanted in answer, (asked, answer)


async def test_of_a_thing_that_did_not_change_its_automations_are_told(home: Any) -> None:
    await home.begin("en", automation=AUTOMATIONS)
    answer = str(await home.chat.types("why didn't the coffee machine turn on?"))
    assert answer.startswith("Coffee machine is off since")
    assert "It is on and listens to its triggers: the automation “Brew”." in answer
