"""``tests:`` beside a schedule: its times come in a time of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanobot.cli import check, test

SCHEDULES = """\
nanobot: {time_zone: Europe/Berlin}
automation:
  - alias: left out
    triggers: {trigger: state, entity_id: schedule.heating}
    actions: {action: notify.nobody}
script:
  water:
    fields: {litres: {}}
    sequence: {action: valve.open, data: {litres: "{{ litres }}"}}
schedule:
  briefing:
    cron: "30 7 * * mon-fri"
    conditions: "{{ is_state('input_boolean.holiday', 'off') }}"
    actions:
      - say: "Good morning, planned for {{ trigger.planned }}"
        channel: chat
        chat: me
      - delay: "00:05:00"
      - action: light.turn_on
    tests:
      - name: on a Monday at half past seven
        given: {now: 2026-03-02 07:00, states: {input_boolean.holiday: "off"}}
        when:
          - until: "07:29:59"
          - then: {nothing: true}
          - wait: 1
          - then: {say: planned for 2026-03-02 07:30}
          - wait: "00:05:00"
        then: {action: light.turn_on}
        run: finished
        states: {schedule.briefing: {state: "on", missed: 0}}
      - name: not on a Sunday
        given: {now: 2026-03-01 07:00, states: {input_boolean.holiday: "off"}}
        when: {wait: "12:00:00"}
        then: {nothing: true}
      - name: not in the holidays
        given: {now: 2026-03-02 07:00, states: {input_boolean.holiday: "on"}}
        when: {until: "08:00"}
        then: {nothing: true}
        run: failed_conditions
      - name: it is triggered by hand
        given: {states: {input_boolean.holiday: "off"}}
        when: [{trigger: {}}, {wait: "00:05:00"}]
        then: [{say: Good morning, chat: me}, {action: light.turn_on}]
      - name: this one fails
        given: {now: 2026-03-02 07:00, states: {input_boolean.holiday: "off"}}
        when: {until: "07:15"}
        then: {say: Good morning}
  garden:
    at: ["06:00", "21:00"]
    script: script.water
    data: {litres: 5}
    tests:
      - name: twice a day, and once in the night in which the clock is set forward
        given: {now: 2026-03-28 22:00}
        when:
          - wait: "21:59:59"
          - then: [{action: script.water, data: {litres: 5}}, {action: valve.open}, {nothing: true}]
          - wait: 1
        then: [{action: script.water}, {action: valve.open}, {nothing: true}]
        states: {script.water: "off"}
  walk:
    every: 90min
    between: {from: "09:00", to: "12:00"}
    ask: Remind me to walk.
    tests:
      - name: paused it is silent, and goes on without what was missed
        given: {now: 2026-03-02 08:00, answers: [walk, again]}
        when:
          - until: "09:00"
          - then: {ask: walk}
          - call: schedule.pause
            target: {entity_id: schedule.walk}
          - until: "11:00"
          - then: {nothing: true}
          - call: schedule.resume
            target: {entity_id: schedule.walk}
          - until: "12:00"
        then: [{ask: walk}, {nothing: true}]
  heating:
    monday: [{from: "06:00", to: "08:00", data: {target: 21}}]
    tests:
      - name: warm in the morning
        given: {now: 2026-03-02 05:00}
        when: {until: "06:00"}
        states: {schedule.heating: {state: "on", target: 21}}
      - name: cold later
        given: {now: 2026-03-02 07:00}
        when: {until: "08:00"}
        states: {schedule.heating: "off"}
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def test_the_times_of_a_schedule_come_in_a_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configuration.yaml").write_text(SCHEDULES)
    assert test.run(tmp_path, None, None, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)["tests"]
    wrong = {one["name"]: one["wrong"] for one in told if not one["passed"]}
    assert list(wrong) == ["this one fails"]
    assert wrong["this one fails"][0] == "expectation 1 was not met: say: Good morning"
    assert len(told) == 9


def test_tests_beside_a_schedule_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configuration.yaml").write_text(SCHEDULES.replace("- wait: 1\n", "- wat: 1\n"))
    check.run(tmp_path)
    told = capsys.readouterr().out
    assert "26  schedule > briefing > tests > 0 > when > 2: is no step that is known" in told
