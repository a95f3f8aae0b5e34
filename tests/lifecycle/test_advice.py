"""What is probably wrong: entities and services that are not there, told as warnings, with what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanobot.cli import check, plan
from nanobot.hub.entry import Entry
from nanobot.lifecycle.verdict import verdict
from nanobot.testing.plugin import House
from nanobot.util.aio import in_thread
from tests.servers._home_assistant import Scripted

HOUSE = """\
input_boolean:
  guests:
input_number:
  warmth: {min: 5, max: 30}
template:
  - sensor:
      - name: Warm enough
        state: "{{ states('input_number.warmth') | float > 20 }}"
script:
  greet:
    fields:
      who: {required: true}
    sequence: []
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def automation(actions: str, triggers: str = "[]") -> str:
    return f"{HOUSE}automation:\n  - alias: A\n    triggers: {triggers}\n    actions:\n      - {actions}\n"


def warnings(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Of `nanobot check`; nothing is wrong for certain."""
    (folder / "configuration.yaml").write_text(text, encoding="utf-8")
    assert check.run(folder, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is True
    assert {one["severity"] for one in told["problems"]} <= {"warning"}
    assert all(one["file"] == "configuration.yaml" and one["line"] for one in told["problems"])
    return [f"{one['line']} {one['message']}" for one in told["problems"]]


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        ("action: input_boolean.turn_onn", "there is no service 'input_boolean.turn_onn'; did you mean 'input_boolean.turn_on'?"),  # noqa: E501
        ("action: script.gret", "there is no service 'script.gret'; did you mean 'script.greet'?"),
        ("action: lamp.turn_on", "there is no service 'lamp.turn_on': nothing that is configured has services of that name"),  # noqa: E501
        ("action: input_bolean.turn_on", "there is no service 'input_bolean.turn_on': nothing that is configured has services of that name; did you mean 'input_boolean.turn_on'?"),  # noqa: E501
        ("{action: input_number.set_value, target: {entity_id: input_number.warmth}, data: {valu: 3, value: 3}}", "'input_number.set_value' has no field 'valu'"),  # noqa: E501
        ("{action: input_number.set_value, target: {entity_id: input_number.warmth}}", "'input_number.set_value' needs 'value'"),  # noqa: E501
        ("action: script.greet", "'script.greet' needs 'who'"),
        ("{action: input_boolean.turn_on, target: {entity_id: input_boolean.gests}}", "there is no entity 'input_boolean.gests'; did you mean 'input_boolean.guests'?"),  # noqa: E501
        ("{variables: {a: \"{{ states('input_number.warmt') }}\"}}", "there is no entity 'input_number.warmt'; did you mean 'input_number.warmth'?"),  # noqa: E501
        ("\"{{ is_state('input_boolean.gests', 'on') }}\"", "there is no entity 'input_boolean.gests'; did you mean 'input_boolean.guests'?"),  # noqa: E501
        ("{condition: state, entity_id: [input_boolean.guests, input_boolean.gests], state: 'on'}", "there is no entity 'input_boolean.gests'; did you mean 'input_boolean.guests'?"),  # noqa: E501
        ("{condition: numeric_state, entity_id: input_number.warmth, above: input_number.cold}", "there is no entity 'input_number.cold'"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_warning_says_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], actions: str, told: str
) -> None:
    found = warnings(tmp_path, automation(actions), capsys)
    assert [one.split(" ", 1)[1].split("; did you mean")[0] for one in found] == [told.split("; did you mean")[0]]
    if "did you mean" in told:
        assert found[0].endswith(told.partition(";")[2])
    assert found[0].startswith("18 ")


@pytest.mark.parametrize(
    "actions",
    [
        "{action: input_boolean.turn_on, target: {entity_id: input_boolean.guests}}",
        '{action: input_number.set_value, target: {entity_id: input_number.warmth}, data: {value: "{{ 3 }}"}}',
        "{action: \"{{ 'input_boolean.turn_on' }}\"}",
        "{action: script.greet, data: {who: Ann}}",
        "{action: script.turn_on, target: {entity_id: script.greet}}",
        "{action: homeassistant.turn_on, target: {entity_id: switch.of_somebody_else}}",
        "{variables: {a: \"{{ states('sensor.of_somebody_else') ~ states('sensor.warm_enough') }}\"}}",
        "{event: x, event_data: {entity_id: input_boolean.nobody, action: a.b}}",
        "{action: automation.trigger, target: {entity_id: automation.a}}",
        "{action: scene.create, data: {scene_id: before, snapshot_entities: [input_boolean.guests]}}",
        "{action: scene.turn_on, target: {entity_id: scene.before}}",
    ],
)
def test_nothing_is_said_where_it_is_not_certain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], actions: str
) -> None:
    assert warnings(tmp_path, automation(actions) + "scene: []\n", capsys) == []


def test_the_services_of_integrations_are_known_when_they_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = automation("action: webchat.whatever") + "webchat:\n"
    assert warnings(tmp_path, text, capsys) == []


def test_warnings_count_when_they_are_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configuration.yaml").write_text(automation("action: script.gret"), encoding="utf-8")
    assert check.run(tmp_path) == 0
    assert capsys.readouterr().out.endswith("Warnings: 1.\nNo problems. Configured: 5.\n")
    assert check.run(tmp_path, strict=True) == 1


def test_the_plan_has_the_same_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configuration.yaml").write_text(automation("action: script.gret"), encoding="utf-8")
    assert plan.run(tmp_path, as_json=True) == 0
    (one,) = json.loads(capsys.readouterr().out)["problems"]
    assert (one["key"], one["nearest"], one["line"]) == ("unknown_service", "script.greet", 18)


def test_what_a_blueprint_makes_is_looked_at_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blueprint = tmp_path / "blueprints/automation/b.yaml"
    blueprint.parent.mkdir(parents=True)
    blueprint.write_text(
        "blueprint: {name: B, domain: automation, input: {thing: {}}}\n"
        "triggers: {trigger: state, entity_id: !input thing}\nactions: []\n"
    )
    text = f"{HOUSE}automation:\n  - use_blueprint:\n      path: b.yaml\n      input: {{thing: input_boolean.gests}}\n"
    (told,) = warnings(tmp_path, text, capsys)
    assert told.startswith("17 there is no entity 'input_boolean.gests'; did you mean 'input_boolean.guests'?")


def test_what_is_wrong_otherwise_is_looked_at_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = automation("{action: input_boolean.turn_on, target: {entity_id: input_boolean.gests}}")
    (tmp_path / "configuration.yaml").write_text(f"{text}    mod: single\n", encoding="utf-8")
    assert check.run(tmp_path) == 1
    told = capsys.readouterr().out
    assert "mod: unknown option; did you mean 'mode'?" in told
    assert "there is no entity 'input_boolean.gests'; did you mean 'input_boolean.guests'?" in told


# -- the running hub ---------------------------------------------------------------------------------


async def test_an_edit_leaves_one_issue_for_each_file_until_it_is_mended(house: House) -> None:
    house.edits.calm = 0
    good = automation("{action: input_boolean.turn_on, target: {entity_id: input_boolean.guests}}")
    await house.start(good)
    bad = automation("{action: input_boolean.turn_on, target: {entity_id: light.kitchen}}\n      - action: script.gret")
    await house.apply(bad)
    await house.edits._advising  # type: ignore[misc]
    (issue,) = [issue for issue in house.hub.issues if issue.id.startswith("doubts.")]
    assert issue.id == "doubts.configuration.yaml"
    assert "2 places" in issue.text()
    assert "light.kitchen" in issue.text()
    assert house.edits.problems == ()
    await house.apply(good)
    await house.edits._advising  # type: ignore[misc]
    assert house.hub.issues.get("doubts.configuration.yaml") is None


async def test_entities_that_integrations_bring_are_known_in_the_running_hub(house: House, entry: Entry) -> None:
    entry.set_state("light.kitchen", "off")
    text = automation("{condition: state, entity_id: light.kitchen, state: 'on'}")
    await house.start(text)
    assert (await verdict(house.hub, house.edits))["warnings"] is None
    house.write(text.replace("light.kitchen", "light.kitchn"))
    told = await verdict(house.hub, house.edits)
    assert told["result"] == "valid"
    assert told["warnings"] == (
        'configuration.yaml, line 18: automation > "A" > actions > 0 > entity_id: '
        "there is no entity 'light.kitchn'; did you mean 'light.kitchen'?"
    )


async def test_what_an_edit_is_going_to_bring_is_not_missed_before_it_is_there(house: House) -> None:
    await house.start(HOUSE)
    house.write(
        automation("{action: script.bye, data: {}}")
        .replace("script:\n", "script:\n  bye: {sequence: []}\n")
        .replace("  guests:\n", "  guests:\n  dog:\n")
        .replace("triggers: []", "triggers: {trigger: state, entity_id: [input_boolean.dog, sensor.warm_enough]}")
    )
    assert (await verdict(house.hub, house.edits))["warnings"] is None


async def test_what_another_system_brings_is_doubted_only_while_that_is_connected(
    house: House, config_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Scripted()
    await server.start()
    actions = automation("{action: light.turn_on, target: {entity_id: [light.desk, light.dusk]}}")
    elsewhere = f"home_assistant:\n  url: {server.url}\n  token: {server.token}\n"
    assert await in_thread(warnings, config_dir, actions + elsewhere, capsys) == []
    await house.start()
    told = (await verdict(house.hub, house.edits))["warnings"]
    assert told is not None
    assert told.endswith("there is no entity 'light.dusk'; did you mean 'light.desk'?")
    await server.stop()


# -- a wrong edit ------------------------------------------------------------------------------------

GOOD = {
    "automation": "automation:\n  - id: a\n    alias: A\n    triggers: {trigger: event, event_type: go}\n    actions: {event: gone}\n",  # noqa: E501
    "script": "script:\n  a:\n    alias: A\n    sequence: {event: gone}\n",
    "schedule": "schedule:\n  a:\n    alias: A\n    at: '03:00'\n    actions: {event: gone}\n",
    "template": "template:\n  - sensor:\n      - name: A\n        unique_id: a\n        state: \"{{ 1 + 1 }}\"\n",
}  # fmt: skip
WRONG = {
    "automation": ("actions: {event: gone}", "actions: {evnt: gone}"),
    "script": ("sequence: {event: gone}", "sequence: {evnt: gone}"),
    "schedule": ("'03:00'", "'33:00'"),
    "template": ("{{ 1 + 1 }}", "{{ 1 + }}"),
}


@pytest.mark.parametrize("domain", list(GOOD))
async def test_a_wrong_edit_leaves_the_last_good_version_running(house: House, domain: str) -> None:
    await house.start(GOOD[domain])
    entity_id = {"template": "sensor.a"}.get(domain, f"{domain}.a")
    before = house.hub.states.get(entity_id)
    assert before is not None
    await house.apply(GOOD[domain].replace(*WRONG[domain]))
    state = house.hub.states.get(entity_id)
    assert state is not None
    assert state.state == before.state
    assert house.edits.problems
    assert any(issue.id.startswith("config.") for issue in house.hub.issues)
    gone: list[object] = []
    house.hub.bus.listen("gone", gone.append)
    if domain == "automation":
        assert "is no action that is known" in state.attributes["error"]
        await house.hub.services.call("automation", "trigger", {"entity_id": [entity_id]})
        assert len(gone) == 1
    elif domain == "script":
        assert "is no action that is known" in state.attributes["error"]
        await house.hub.services.call("script", "a")
        assert len(gone) == 1
    elif domain == "schedule":
        assert "33:00" in state.attributes["error"]
        assert state.attributes["next_run"] == before.attributes["next_run"]
    await house.apply(GOOD[domain])
    state = house.hub.states.get(entity_id)
    assert state is not None
    assert "error" not in state.attributes
    assert house.edits.problems == ()
