"""`nanobot automation`: list, trace and run, asked of a running hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Nanobot

HOME = """
input_boolean:
  lamp: {name: Lamp}
script:
  greet:
    alias: Greet
    fields: {name: {}}
    sequence:
      - variables: {text: "Hello {{ name | default('you') }}"}
      - stop: said
automation:
  - id: main
    alias: Main
    triggers: {trigger: event, event_type: never}
    conditions: {condition: state, entity_id: input_boolean.lamp, state: "on"}
    actions:
      - alias: Light first
        action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
      - if: {condition: state, entity_id: input_boolean.lamp, state: "on"}
        then:
          - delay: 0.05
          - action: script.greet
            data: {name: Ann}
  - id: failing
    alias: Failing
    triggers: []
    actions:
      - action: no.such
  - id: wrong
    alias: Wrong
    triggers: []
    actions: [{delay: x y}]
"""


@pytest.fixture
def nanobot(tmp_path: Path) -> Iterator[Nanobot]:
    nanobot = Nanobot(tmp_path / "config")
    nanobot.write(HOME)
    nanobot.start()
    yield nanobot
    nanobot.kill()


def without_times(told: str) -> str:
    return re.sub(r", [\d.]+ s\]", "]", told)


def runs(nanobot: Nanobot, name: str) -> list[Any]:
    found: list[Any] = json.loads(nanobot("automation", "trace", name, "--list", "--json").stdout)
    return found


def test_a_run_is_shown_as_it_goes_and_can_be_looked_at_also_after_a_restart(nanobot: Nanobot) -> None:
    told = nanobot("automation", "run", "Main")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert [without_times(line.strip()) for line in lines if "[action/" in line] == [
        "• Light first  [action/0]",
        "✓ state input_boolean.lamp  [action/1/if/condition/0]",
        "• delay 0.05  [action/1/then/0]",
        "• script.greet  [action/1/then/1]",
        "• if  [action/1]",
    ]
    assert re.search(r"ran to its end  0\.\d+ s$", lines[-1])

    shown = nanobot("automation", "trace", "automation.main").stdout
    assert shown.startswith("Main  ")
    assert re.search(r"  • if  \[action/1, 0\.\d+ s\]", shown)
    assert re.search(r"    • delay 0\.05  \[action/1/then/0, 0\.\d+ s\]", shown)
    assert "delay: 0.05" in shown

    (short,) = runs(nanobot, "main")
    assert nanobot.stop()[0] == 0
    nanobot.start()
    (again,) = runs(nanobot, "Main")
    assert again == short
    assert nanobot("automation", "trace", "main", "--run", short["run_id"][-6:]).stdout == shown


def test_a_script_takes_variables_and_shows_those_that_it_sets(nanobot: Nanobot) -> None:
    told = nanobot("automation", "run", "script.greet", "--variables", '{"name": "Bo"}')
    assert told.returncode == 0, told.stderr
    assert "text: Hello Bo" in told.stdout
    assert "--variables takes a JSON object" in nanobot("automation", "run", "Greet", "--variables", "[1").stderr
    trace = json.loads(nanobot("automation", "run", "Greet", "--json").stdout)["trace"]
    assert trace["script_execution"] == "finished"


def test_the_list_tells_how_each_stands_and_what_is_wrong(nanobot: Nanobot) -> None:
    assert nanobot("automation", "run", "Failing").returncode == 1
    told = nanobot("automation", "list")
    assert told.returncode == 1
    rows = {line.split()[0]: line for line in told.stdout.splitlines()}
    assert rows["automation.main"].split()[1:3] == ["Main", "on"]
    assert "there is no service no.such" in rows["automation.failing"]
    assert "unavailable" in rows["automation.wrong"]
    assert "delay" in rows["automation.wrong"]
    items = json.loads(nanobot("automation", "list", "--json", "--domain", "script").stdout)
    assert [item["entity_id"] for item in items] == ["script.greet"]


def test_an_error_stands_at_its_step_and_a_wrong_automation_does_not_run(nanobot: Nanobot) -> None:
    told = nanobot("automation", "run", "failing")
    assert "✗ no.such  [action/0]" in without_times(told.stdout)
    assert "there is no service no.such" in told.stdout
    wrong = nanobot("automation", "run", "Wrong")
    assert wrong.returncode == 1
    assert "delay" in wrong.stderr
    assert "has not run" in nanobot("automation", "trace", "Wrong").stdout
    assert "no run whose id ends with xyz" in nanobot("automation", "trace", "Failing", "--run", "xyz").stderr
