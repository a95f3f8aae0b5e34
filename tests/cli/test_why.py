"""`nanobot why` and `nanobot why_not`, asked of a running hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Nanobot

HOME = """
input_boolean:
  door: {name: Door}
  lamp: {name: Lamp}
  guests: {name: Guests}
automation:
  - id: eve
    alias: Evening
    triggers: {trigger: state, entity_id: input_boolean.door, to: "on"}
    conditions: {condition: state, entity_id: input_boolean.guests, state: "off"}
    actions: {action: input_boolean.turn_on, target: {entity_id: input_boolean.lamp}}
  - id: open
    alias: Opening
    triggers: []
    actions: {action: input_boolean.turn_on, target: {entity_id: input_boolean.door}}
"""


@pytest.fixture(scope="module")
def nanobot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nanobot]:
    nanobot = Nanobot(Path(tmp_path_factory.mktemp("why")) / "config")
    nanobot.write(HOME)
    nanobot.start()
    assert nanobot("automation", "run", "Opening").returncode == 0
    yield nanobot
    nanobot.kill()


def test_the_chain_is_told_in_a_sentence(nanobot: Nanobot) -> None:
    told = nanobot("why", "input_boolean.lamp")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Lamp is on since ")
    assert "because the automation “Evening” called input_boolean.turn_on (held:" in told.stdout
    assert "going from off to on, which the automation “Opening” wrote by input_boolean.turn_on" in told.stdout
    assert told.stdout.endswith("asked for by the owner.\n")


def test_names_of_several_words_need_no_quotes_and_languages_are_those_of_the_terminal(nanobot: Nanobot) -> None:
    told = nanobot("why", "Lamp", env={"LANG": "de_DE.UTF-8"})
    assert "weil die Automation „Evening“ input_boolean.turn_on aufgerufen hat" in told.stdout


def test_programs_get_the_links(nanobot: Nanobot) -> None:
    told = json.loads(nanobot("why", "input_boolean.lamp", "--json").stdout)
    assert [link["kind"] for link in told["links"]] == ["state", "call", "run", "trigger", "call", "run", "actor"]
    assert told["complete"]


@pytest.mark.parametrize("spelling", ["why_not", "why-not"])
def test_both_spellings_tell_why_an_automation_did_not_run(nanobot: Nanobot, spelling: str) -> None:
    told = nanobot(spelling, "Opening")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("It has no triggers, the automation “Opening”")
    assert "It was last started at" in told.stdout


def test_what_is_not_there_is_an_error_with_a_hint(nanobot: Nanobot) -> None:
    told = nanobot("why", "input_boolean.lmap")
    assert (told.returncode, told.stdout) == (1, "")
    assert "did you mean input_boolean.lamp?" in told.stderr
    assert "There is no automation" in nanobot("why-not", "nothing").stderr


def test_without_a_hub_there_is_nothing_to_ask(tmp_path: Path) -> None:
    nanobot = Nanobot(tmp_path / "config")
    nanobot.write("")
    assert nanobot("why", "sensor.a").returncode == 3
