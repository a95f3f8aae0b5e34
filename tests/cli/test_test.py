"""``nanobot test``: automations, scripts and blueprints tried out on the real engine, in a time of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from nanobot.cli import check, plan, test
from nanobot.lifecycle.last_good import LastGood

DOOR = """\
input_boolean:
  guests:
script:
  greet:
    fields: {who: {}}
    variables: {answer: {ok: true}}
    sequence:
      - action: notify.phone
        data: {message: "hi {{ who }}"}
      - stop: done
        response_variable: answer
automation:
  - alias: Door
    triggers:
      - trigger: state
        entity_id: binary_sensor.door
        to: "on"
    conditions:
      - "{{ is_state('input_boolean.guests', 'on') }}"
      - condition: time
        after: "20:00"
    actions:
      - delay: "03:00:00"
      - action: light.turn_on
        target: {entity_id: light.hall}
        data: {brightness: 5}
      - action: script.greet
        data: {who: Ann}
      - say: "open since {{ trigger.to_state.last_changed.strftime('%H:%M') }}"
        channel: tg
        chat: "1"
    tests:
"""
GIVEN = 'given: {states: {binary_sensor.door: "off", input_boolean.guests: "on"}, now: 2026-03-01 21:00}\n'


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


class Folder:
    """``play(yaml)`` writes a configuration and gives the report of its tests."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def write(self, text: str, file: str = "configuration.yaml") -> None:
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def play(self, text: str | None = None, what: str | None = None, named: str | None = None) -> dict[str, Any]:
        if text is not None:
            self.write(text)
        code = test.run(self.path, what, named, as_json=True)
        told = self.report()
        assert code == (0 if told["passed"] else 1)
        return told

    def report(self) -> dict[str, Any]:
        """What was printed."""
        told: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return told

    def wrong(self, text: str) -> list[str]:
        """What the only test says."""
        (one,) = self.play(text)["tests"]
        found: list[str] = one["wrong"]
        return found


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, capsys)


def door(test_: str) -> str:
    """The automation with one test."""
    return DOOR + "".join(f"      {line}\n" for line in dedent(test_).splitlines())


def on_door(then: str, wait: str = "03:00:00") -> str:
    return door(
        f'- name: x\n  {GIVEN}  when: [{{state: {{binary_sensor.door: "on"}}}}, {{wait: "{wait}"}}]\n  then: {then}\n'
    )


def test_hours_pass_in_no_time_and_helpers_and_scripts_are_real(folder: Folder) -> None:
    began = time.monotonic()
    told = folder.play(
        on_door(
            "[{action: light.turn_on, target: {entity_id: light.hall}}, "
            "{action: notify.phone, data: {message: hi Ann}}, {say: 'open since 21:00', channel: tg}]"
        )
    )
    assert time.monotonic() - began < 10  # s
    assert [(one["name"], one["passed"], one["line"]) for one in told["tests"]] == [("x", True, 33)]
    assert [one.get("action", one.get("say")) for one in told["tests"][0]["done"]] == [
        "light.turn_on", "script.greet", "notify.phone", "open since 21:00",
    ]  # fmt: skip


def test_nothing_is_done_before_its_time(folder: Folder) -> None:
    assert folder.wrong(on_door("{nothing: true}", wait="02:59:59")) == []
    wrong = folder.wrong(on_door("{nothing: true}"))
    assert wrong[0] == "nothing more was to be done, but this was:"
    assert 'action: light.turn_on, data: {"brightness":5,"entity_id":["light.hall"]}' in wrong[1]


def test_a_difference_says_what_came_instead_and_shows_the_run(folder: Folder) -> None:
    told = folder.play(on_door("[{action: light.turn_on, data: {brightness: 6}}]"))
    (one,) = told["tests"]
    assert one["wrong"] == [
        'expectation 1 was not met: action: light.turn_on, data: {"brightness":6}',
        "what comes nearest to it:",
        '  action: light.turn_on, data: {"brightness":5,"entity_id":["light.hall"]}   (brightness is 5, not 6)',
    ]
    assert (one["file"], one["line"]) == ("configuration.yaml", 33)
    assert any(line.startswith("condition/1  result: {'result': True") for line in one["trace"])
    assert one["trace"][-1] == "=> finished"


def test_expectations_are_met_in_order(folder: Folder) -> None:
    wrong = folder.wrong(on_door("[{action: notify.phone}, {action: light.turn_on}]"))
    assert wrong[0] == "expectation 2 was not met: action: light.turn_on"


def test_conditions_hold_a_run_back(folder: Folder) -> None:
    assert (
        folder.wrong(
            door(
                """\
                - name: by day
                  given: {states: {binary_sensor.door: "off", input_boolean.guests: "on"}, now: 2026-03-01 12:00}
                  when: [{state: {binary_sensor.door: "on"}}, {wait: "10:00:00"}]
                  then: {nothing: true}
                  run: failed_conditions
                """
            )
        )
        == []
    )


def test_what_has_to_be_so_on_the_way(folder: Folder) -> None:
    assert (
        folder.wrong(
            door(
                f"""\
                - name: on the way
                  {GIVEN.strip()}
                  when:
                    - state: {{binary_sensor.door: "on"}}
                    - then: {{nothing: true}}
                    - until: "23:59"
                    - then: {{nothing: true}}
                    - until: "00:00"
                    - then: {{action: light.turn_on}}
                  then: {{action: notify.phone}}
                """
            )
        )
        == []
    )


def test_a_script_answers_its_caller(folder: Folder) -> None:
    script = DOOR[DOOR.index("script:") : DOOR.index("automation:")] + (
        "    tests:\n"
        "      - name: greets\n"
        "        when: {call: script.greet, data: {who: Bob}}\n"
        "        then: {action: notify.phone, data: {message: hi Bob}}\n"
        "        response: {ok: true}\n"
    )
    assert folder.wrong(script) == []
    assert folder.wrong(script.replace("response: {ok: true}", "response: {ok: false}")) == [
        "response > ok is true, not false"
    ]


ASKING = """\
automation:
  - id: ask
    alias: Ask
    triggers:
      - trigger: message
        pattern: "weather in (?P<place>\\\\w+)"
      - trigger: event
        event_type: doorbell
        id: bell
    actions:
      - action: weather.get_forecasts
        target: {entity_id: weather.home}
        response_variable: forecast
      - ask: "Is {{ forecast.days[0] }} nice?"
        schema: {nice: boolean}
      - if: "{{ answer.nice }}"
        then:
          - event: nice_weather
            event_data: {by: "{{ trigger.id }}"}
      - wait_for_message:
          say: Shall I tell?
          choices: ["Yes", "No"]
          channel: test
          chat: test
        timeout: "00:10:00"
      - action: notify.all
        data: {text: "{{ wait.message.choice if wait.completed else 'nobody' }}"}
    tests:
      - name: somebody writes
        given: {answers: [{nice: true}], responses: {weather.get_forecasts: {days: [sun]}}}
        when:
          - message: {text: the weather in Rome}
          - message: {text: "yes"}
        then:
          - ask: Is sun nice?
          - event: nice_weather
          - say: Shall I tell?
            choices: ["Yes", "No"]
          - action: notify.all
            data: {text: "Yes"}
      - name: the bell rings and nobody answers
        given: {answers: [{nice: true}], responses: {weather.get_forecasts: {days: [sun]}}}
        when: [event: doorbell, wait: "00:10:00"]
        then:
          - event: nice_weather
            data: {by: bell}
          - action: notify.all
            data: {text: nobody}
      - name: triggered by hand
        given: {answers: [{nice: false}], responses: {weather.get_forecasts: {days: [rain]}}}
        when: [trigger: {id: bell}]
        then: [ask: Is rain nice?, say: Shall I tell?, nothing: true]
        run: running
      - name: no agent answers
        given: {responses: {weather.get_forecasts: {days: [rain]}}}
        when: [event: doorbell]
        run: error
"""


def test_messages_events_agents_and_responses_are_what_the_test_says(folder: Folder) -> None:
    told = folder.play(ASKING)
    assert {one["name"]: one["wrong"] for one in told["tests"]} == {
        "somebody writes": [], "the bell rings and nobody answers": [], "triggered by hand": [], "no agent answers": [],
    }  # fmt: skip


def test_what_acts_by_itself_is_left_out_but_for_the_one_that_is_tested(folder: Folder) -> None:
    text = on_door("{action: light.turn_on}") + (
        "  - alias: Other\n"
        "    triggers: [{trigger: state, entity_id: binary_sensor.door}]\n"
        "    actions: [{action: notify.nobody}]\n"
    )
    (one,) = folder.play(text)["tests"]
    assert "notify.nobody" not in [done.get("action") for done in one["done"]]


def test_states_of_helpers_are_looked_at_afterwards(folder: Folder) -> None:
    text = """\
counter: {visits: {}}
automation:
  - alias: Count
    triggers: {trigger: event, event_type: visit}
    actions: {action: counter.increment, target: {entity_id: counter.visits}}
    tests:
      - name: counts
        when: [event: visit, event: visit]
        states: {counter.visits: 2}
      - name: counts wrongly
        when: [event: visit]
        states: {counter.visits: 2, counter.none: 1}
"""
    assert [one["wrong"] for one in folder.play(text)["tests"]] == [
        [],
        ["counter.visits is '1', not '2'", "there is no counter.none"],
    ]


BLUEPRINT = """\
blueprint:
  name: Ring
  domain: {domain}
  input:
    who: {{}}
{body}
tests:
  - name: rings
    inputs: {{who: Ann}}
    when: [{when}]
    then: {{action: notify.phone, data: {{message: Ann}}}}
  - name: rings nobody
    when: [{when}]
"""
ACTION = "[{action: notify.phone, data: {message: !input who}}]"


@pytest.mark.parametrize(
    ("domain", "body", "when"),
    [
        ("automation", f"triggers: {{trigger: event, event_type: bell}}\nactions: {ACTION}", "event: bell"),
        ("script", f"sequence: {ACTION}", "trigger: {}"),
    ],
)
def test_a_blueprint_is_tried_with_the_inputs_of_its_test(folder: Folder, domain: str, body: str, when: str) -> None:
    folder.write(BLUEPRINT.format(domain=domain, body=body, when=when), f"blueprints/{domain}/ring.yaml")
    line = (folder.path / f"blueprints/{domain}/ring.yaml").read_text().splitlines().index("  - name: rings") + 1
    first, second = folder.play("input_boolean:\n")["tests"]
    assert first["wrong"] == []
    assert (first["file"], first["line"], first["blueprint"]) == (f"blueprints/{domain}/ring.yaml", line, True)
    assert "'who'" in second["wrong"][0]


def test_the_tests_of_a_blueprint_are_none_of_its_users(folder: Folder) -> None:
    body = f"triggers: {{trigger: event, event_type: bell}}\nactions: {ACTION}"
    folder.write(
        BLUEPRINT.format(domain="automation", body=body, when="event: bell"), "blueprints/automation/ring.yaml"
    )
    use = "automation:\n  - alias: A\n    use_blueprint: {path: ring.yaml, input: {who: Bob}}\n"
    assert len(folder.play(use)["tests"]) == 2
    own = (
        "    tests:\n      - name: own\n        when: [event: bell]\n        then: {action: notify.phone, data: "
        "{message: Bob}}\n"
    )
    assert [one["passed"] for one in folder.play(use + own, "A")["tests"]] == [True]


def test_a_part_of_them_can_be_run(folder: Folder) -> None:
    folder.write(ASKING.replace("automation:\n", ""), "asking.yaml")
    folder.write(
        on_door("[]").replace("automation:\n", "automation door:\n") + "automation ask: !include asking.yaml\n"
    )
    assert len(folder.play()["tests"]) == 5
    assert len(folder.play(None, "asking.yaml")["tests"]) == 4
    assert len(folder.play(None, "door")["tests"]) == 1
    assert [one["name"] for one in folder.play(None, "ask", "bell")["tests"]] == ["the bell rings and nobody answers"]


def test_what_is_not_there_is_said_with_what_was_meant(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(on_door("[]"))
    assert test.run(folder.path, "Dor") == 2
    assert capsys.readouterr().out == "Nothing with tests is called 'Dor'; did you mean 'Door'?\n"


def test_a_loop_without_an_end_is_ended(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanobot.lifecycle.trial.loop.PATIENCE", 0.02)
    text = """\
script:
  forever:
    sequence: [{repeat: {while: "{{ true }}", sequence: [{variables: {a: 1}}]}}]
    tests: [{name: ends}]
"""
    assert folder.wrong(text) == ["something has been busy for 0.02 s without an end"]


def test_secrets_are_not_shown(folder: Folder) -> None:
    folder.write("pin: very-secret-pin\n", "secrets.yaml")
    text = """\
script:
  open:
    sequence: [{action: lock.unlock, data: {code: !secret pin}}]
    tests: [{name: x, then: {nothing: true}}]
"""
    assert "very-secret-pin" not in json.dumps(folder.play(text))


def test_a_person_reads_what_failed_and_where(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(on_door("{action: light.turn_off}"))
    assert test.run(folder.path) == 1
    out = capsys.readouterr().out
    assert "✗ Door: x configuration.yaml:33\n    expectation 1 was not met: action: light.turn_off\n" in out
    assert out.endswith("Tests failed: 1 of 1.\n")


# -- check and plan ----------------------------------------------------------------------------------


def test_the_check_says_what_is_wrong_with_a_test(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(
        door(
            """\
            - nam: x
              when: [{sate: {a.b: c}}, {wait: soon}]
            - name: y
              when: [{state: {light.x: yes}}]
              then: [{action: light.turn_on, dta: {}}]
              run: finishd
            """
        )
    )
    assert check.run(folder.path, as_json=True) == 1
    found = json.loads(capsys.readouterr().out)["problems"]
    errors = {(one["line"], one["where"].partition("tests > ")[2]) for one in found if one["severity"] == "error"}
    assert errors == {
        (33, "0 > nam"), (34, "0 > when > 0"), (34, "0 > when > 1 > wait"),
        (36, "1 > when > 0 > state > light.x"), (37, "1 > then > 0 > dta"), (38, "1 > run"),
    }  # fmt: skip


def test_the_check_runs_them_when_asked(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(on_door("{action: light.turn_off}"))
    assert check.run(folder.path) == 0
    assert check.run(folder.path, tests=True) == 1
    assert "Tests failed: 1 of 1." in capsys.readouterr().out


def test_the_plan_runs_those_of_what_changes(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(ASKING)
    LastGood(folder.path).save([folder.path / "configuration.yaml"])
    added = on_door("{action: light.turn_off}").partition("automation:\n")[2]
    folder.write(ASKING + added.replace("binary_sensor.door", "binary_sensor.door"))
    assert plan.run(folder.path, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["of"] for one in told["tests"]["tests"]] == ["Door"]


async def test_the_running_hub_ignores_them(house: Any) -> None:
    await house.start("automation:\n  - alias: A\n    triggers: []\n    actions: []\n    tests: [{nonsense: 1}]\n")
    assert house.hub.states.get("automation.a").state == "on"
    assert house.edits.problems == ()


# -- what ships --------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/testing-automations.md").read_text(encoding="utf-8")


def test_the_example_of_the_documentation_passes(folder: Folder) -> None:
    told = folder.play(PAGE.partition("```yaml\n")[2].partition("```")[0])
    assert [(one["name"], one["wrong"]) for one in told["tests"]] == [
        ("it turns the light on", []), ("it tells me when I am away", []), ("by day nothing happens", []),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["motion_light", "left_on", "countdown"])
def test_the_tests_of_shipped_blueprints_pass(folder: Folder, name: str) -> None:
    folder.write("input_boolean:\n")
    told = folder.play(None, f"nanobot/{name}.yaml")
    assert told["count"] >= 1
    assert [one["wrong"] for one in told["tests"]] == [[]] * told["count"]


@pytest.mark.parametrize("example", ["quickstart", "automations"])
def test_the_tests_of_the_examples_pass(example: str, folder: Folder) -> None:
    assert test.run(ROOT / "config-examples" / example, as_json=True) == 0
    assert folder.report()["count"] >= 1
