"""What is said of a schedule that is wrong: file, line, path, and what would be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from integrations.schedule.item import schedule
from nanobot.cli import check
from nanobot.config.explain import explain
from nanobot.testing.plugin import House

AT = {"at": "07:30"}
DO: dict[str, Any] = {"actions": []}
EVERY = {"every": "2h", **DO}


def said_of(written: Any) -> list[str]:
    try:
        schedule(written)
    except vol.Invalid as error:
        return [problem.told() for problem in explain(error, written, (), vol.Schema(schedule))]
    return []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("daily", "expected a mapping (key: value), found 'daily'"),
        # which kind
        ({**AT, **DO, "monday": []}, ("monday: a schedule is either on in weekly blocks or runs something at times: "
                                     "'at' cannot stand beside 'monday'")),
        ({"crn": "0 7 * * *", **DO}, "crn: unknown option; did you mean 'cron'?"),
        ({"evry": "2h"}, "evry: unknown option; did you mean 'every'?"),
        ({"mondy": []}, "mondy: unknown option; did you mean 'monday'?"),
        (DO, "one of 'cron', 'every', 'at' is needed"),
        ({**AT, "cron": "0 7 * * *", **DO}, "only one of 'cron', 'every', 'at' may be given"),
        (AT, "one of 'actions', 'ask', 'script' is needed"),
        ({**AT, **DO, "script": "script.x"}, "only one of 'actions', 'ask', 'script' may be given"),
        ({**AT, **DO, "action": []}, "action: is the older name of 'actions', which is there as well"),
        ({**AT, **DO, "name": "A", "alias": "B"}, "name: is another name of 'alias', which is there as well"),
        # when
        ({"at": "25:00", **DO}, "at > 0: '25:00' is not a time of day; write it like '07:30'"),
        ({"at": ["07:30", "8"], **DO}, "at > 1: '8' is not a time of day"),
        ({"at": 450, **DO}, "450"),
        ({"at": [], **DO}, "at: names no time"),
        ({"at": "2026-13-01 07:00", **DO}, "'2026-13-01 07:00' is not a date with a time"),
        ({"at": "2026-12-24", **DO}, "'2026-12-24' lacks the time of day; write it like '2026-12-24 18:00'"),
        ({"at": "9999-12-31 23:59", **DO}, "is not in a year from 1970 to 2999"),
        ({"at": "2026-12-24 18:00", "weekday": "mon", **DO}, "weekday: is for times of day"),
        ({**AT, "weekday": "monday", **DO}, "did you mean 'mon'?"),
        ({**AT, "weekday": [], **DO}, "weekday: names no day"),
        ({"cron": "0 7 * *", **DO}, "'0 7 * *' is no cron expression; it has five fields"),
        ({"cron": "0 0 30 2 *", **DO}, "never comes"),
        ({"cron": "0 7 * * *", "weekday": "mon", **DO}, "weekday: is what the last field of 'cron' is for"),
        ({**EVERY, "every": "2 hors"}, "every: '2 hors' is not a duration"),
        ({**EVERY, "every": 0}, "every: 0 is not between a second and ten years"),
        ({**EVERY, "every": "4000d"}, "every: '4000d' is not between a second and ten years"),
        ({**EVERY, "every": "9" * 400 + "d"}, "is not a duration"),
        ({**EVERY, "every": -5}, "every: -5 is negative"),
        ({**EVERY, "every": "2d"}, "every: of more than a day is counted from a date: give 'start'"),
        ({**EVERY, "every": "1d", "start": "07:00", "between": {"from": "08:00", "to": "09:00"}}, "every: never comes"),
        ({**EVERY, "start": "noon"}, "start: 'noon' is not a time of day"),
        ({**EVERY, "between": "08:00-20:00"}, "between: expected a mapping"),
        ({**EVERY, "between": {"from": "08:00"}}, "between: the option 'to' is missing"),
        ({**EVERY, "between": {"from": "24:00", "to": "24:00"}}, "between > from: '24:00' is not a time of day"),
        ({**AT, "start": "07:00", **DO}, "start: belongs to 'every', which is not there"),
        ({**AT, "between": {"from": "07:00", "to": "08:00"}, **DO}, "between: belongs to 'every', which is not there"),
        ({**AT, **DO, "time_zone": "Europe/Berln"}, "did you mean 'Europe/Berlin'?"),
        ({**AT, **DO, "missed": "alle"}, "missed: 'alle' is not possible; write one of 'once', 'all', 'skip'"),
        ({**AT, **DO, "jitter": "often"}, "jitter: 'often' is not a duration"),
        ({**AT, **DO, "initial_state": "perhaps"}, "initial_state"),
        ({**AT, **DO, "mode": "twice"}, "mode: 'twice' is not possible; write one of 'single'"),
        # what
        ({**AT, "actions": {"acton": "a.b"}}, "did you mean 'action'?"),
        ({**AT, **DO, "conditions": {"condition": "stat"}}, "there is no condition 'stat'; did you mean 'state'?"),
        ({**AT, **DO, "variables": {"a": "{{ b"}}, "invalid template"),
        ({**AT, "ask": 5}, "ask: expected text or a mapping"),
        ({**AT, "ask": "{{ x"}, "ask"),
        ({**AT, "ask": {"prompt": "{{ x"}}, "ask > prompt: invalid template"),
        ({**AT, "ask": {"channel": "telegram"}}, "ask: the option 'prompt' is missing"),
        ({**AT, "ask": {"prompt": "x", "channel": "telegram"}}, "ask: 'channel' and 'chat' say together where"),
        ({**AT, "ask": {"prompt": "x", "thread": "7"}}, "ask: 'thread' is one of a chat"),
        ({**AT, "ask": {"prompt": "x", "toolz": []}}, "ask > toolz: unknown option"),
        ({**AT, "script": "light.x"}, "script: 'light.x' does not fit; an entity of script is needed"),
        ({**AT, **DO, "data": {}}, "data: belongs to 'script', which is not there"),
        ({**AT, "script": "script.x", "data": [1]}, "data: expected a mapping"),
        ({**AT, "script": "script.x", "data": {"a": "{{ b"}}, "data > a: invalid template"),
        # weekly blocks
        ({"monday": "07:00"}, "monday > 0: expected a mapping"),
        ({"monday": [{"from": "07:00"}]}, "monday > 0: the option 'to' is missing"),
        ({"monday": [{"from": "7", "to": "8:00"}]}, "monday > 0 > from: '7' is not a time of day"),
        ({"monday": [{"from": "07:00", "to": "24:01"}]}, "monday > 0 > to: '24:01' is not a time of day"),
        ({"monday": [{"from": "24:00", "to": "24:00"}]}, "monday > 0 > from: '24:00' is not a time of day"),
        ({"monday": [{"from": "22:00", "to": "06:00"}]}, ("monday > 0: the block ends (06:00) before it has begun "
         "(22:00); one over midnight is written as two, the first up to '24:00'")),
        ({"monday": [{"from": "07:00", "to": "07:00"}]}, "monday > 0: the block ends (07:00) before it has begun"),
        ({"monday": [{"from": "09:00", "to": "11:00:30"}, {"from": "07:00", "to": "10:00"}]},
         "monday > 0: 09:00 to 11:00:30 overlaps with 07:00 to 10:00"),
        ({"monday": [{"from": "07:00", "to": "08:00", "data": {"a": [1]}}]}, "monday > 0 > data > a"),
        ({"monday": [{"from": "07:00", "to": "08:00", "dta": {}}]}, "unknown option; did you mean 'data'?"),
        ({"icon": "bell"}, "icon"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_said(written: Any, said: str) -> None:
    told = said_of(written)
    assert len(told) == 1, told
    assert said in told[0]


def test_all_that_is_wrong_is_said() -> None:
    told = said_of({"at": ["25:00", "07:30", "26:00"], "missed": 3, "actions": [{"delay": "soon"}, {"delay": "later"}]})
    assert [line.partition(":")[0] for line in told] == ["at > 0", "at > 2", "missed", "actions > 0 > delay",
                                                         "actions > 1 > delay"]  # fmt: skip


def test_the_check_warns_of_what_is_not_there(config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config_dir / "configuration.yaml").write_text(
        "script:\n"
        "  morning: {sequence: []}\n"
        "schedule:\n"
        "  x:\n"
        "    at: '07:30'\n"
        "    script: script.mornin\n"
        "  y:\n"
        "    every: 2h\n"
        "    actions:\n"
        "      - action: schedule.paus\n"
        "        target: {entity_id: schedule.x}\n",
        encoding="utf-8",
    )
    check.run(config_dir, as_json=True)
    warned = json.loads(capsys.readouterr().out)["problems"]
    assert [(problem["line"], problem["where"], problem["nearest"]) for problem in warned] == [
        (6, "schedule > x > script", "script.morning"),
        (10, "schedule > y > actions > 0 > action", "schedule.pause"),
    ]


async def test_file_and_line_are_said(house: House) -> None:
    house.write(
        "morning:\n"
        "  at: '07:30'\n"
        "  actions:\n"
        "    - delay: soon\n"
        "heating:\n"
        "  monday:\n"
        "    - from: '07:00'\n"
        "      to: '09:00'\n"
        "    - from: '08:00'\n"
        "      to: '10:00'\n"
        "good:\n"
        "  every: 2h\n"
        "  actions: []\n"
        "Bad Name:\n"
        "  every: 2h\n"
        "  actions: []\n",
        "schedules.yaml",
    )
    await house.start("schedule: !include schedules.yaml\n")
    told = [problem.told() for problem in house.edits.problems]
    assert [line.partition(" is not a duration")[0] for line in told] == [
        "schedules.yaml:4: schedule > morning > actions > 0 > delay: 'soon'",
        "schedules.yaml:9: schedule > heating > monday > 1: 08:00 to 10:00 overlaps with 07:00 to 09:00",
        (
            "schedules.yaml:14: schedule > Bad Name: 'Bad Name' cannot be a name here; use small letters, digits and "
            "_; did you mean 'bad_name'?"
        ),
    ]
    states = {state.entity_id: state.state for state in house.hub.states if state.domain == "schedule"}
    assert states == {"schedule.morning": "unavailable", "schedule.heating": "unavailable", "schedule.good": "on"}
