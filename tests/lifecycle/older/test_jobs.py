"""Jobs of the older nanobot as schedules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nanobot.config.written import write
from nanobot.lifecycle.older.home import Home
from nanobot.lifecycle.older.jobs import heartbeat, jobs, literal
from nanobot.lifecycle.older.note import Notes
from nanobot.templates import Template
from nanobot.testing.plugin import House
from tests.lifecycle.older.home import Older, job

NOW = datetime(2036, 6, 2, 12, tzinfo=UTC).timestamp()
LATER = int(NOW + 3600) * 1000


def found(older: Older, zone: str | None = "Europe/Berlin") -> tuple[dict[str, dict[str, Any]], list[str]]:
    notes = Notes()
    home = Home(older.path, notes)
    return {one.key: one.item for one in jobs(home, notes, now=NOW, zone=zone, here={"matrix"}.__contains__)}, [
        note.key for note in notes
    ]


@pytest.mark.parametrize(
    ("schedule", "item"),
    [
        ({"kind": "cron", "expr": "0 7 * * mon-fri", "tz": "Asia/Tokyo"},
         {"cron": "0 7 * * mon-fri", "time_zone": "Asia/Tokyo", "missed": "skip"}),
        ({"kind": "cron", "expr": "0 7 * * *"}, {"cron": "0 7 * * *", "time_zone": "Europe/Berlin", "missed": "skip"}),
        ({"kind": "at", "atMs": LATER}, {"at": "2036-06-02 15:00:00", "time_zone": "Europe/Berlin"}),
        ({"kind": "at", "at_ms": LATER}, {"at": "2036-06-02 15:00:00", "time_zone": "Europe/Berlin"}),
        ({"kind": "every", "everyMs": 7_200_000},
         {"every": {"seconds": 7200}, "time_zone": "Europe/Berlin", "missed": "skip"}),
        ({"kind": "every", "everyMs": 172_800_000},
         {"every": {"seconds": 172_800}, "time_zone": "Europe/Berlin", "missed": "skip",
          "start": "2036-06-02 15:00:00"}),
    ],
    ids=["cron", "cron of the house", "at", "snake case", "every", "every two days"],
)  # fmt: skip
async def test_times_are_taken_over(
    tmp_path: Path, house: House, schedule: dict[str, Any], item: dict[str, Any]
) -> None:
    older = Older(tmp_path / "old")
    older.jobs(job("a1", schedule, state={"nextRunAtMs": LATER}))
    items, notes = found(older)
    told = {"prompt": "What is new?", "channel": "telegram", "chat": "42"}
    assert items == {"job_a1": {"alias": "Job a1", "description": "job a1", **item, "ask": told}}
    assert notes == []
    await house.start(write({"schedule": items}))
    state = house.hub.states.get("schedule.job_a1")
    assert state is not None
    assert state.attributes["next_run"] is not None


@pytest.mark.parametrize(
    ("more", "ask", "notes"),
    [
        ({"payload": {"message": "Hi", "deliver": True, "channel": "telegram", "to": "9"}},
         {"prompt": "Hi", "channel": "telegram", "chat": "9"}, []),
        ({"payload": {"message": "Hi", "deliver": False, "channel": "telegram", "to": "9"}}, "Hi", []),
        ({"payload": {"message": "Hi", "session_key": "telegram:-1:topic:5"}},
         {"prompt": "Hi", "channel": "telegram", "chat": "-1", "thread": "5"}, []),
        ({"payload": {"message": "Hi", "sessionKey": "cli:direct"}},
         {"prompt": "Hi", "channel": "console", "chat": "terminal"}, []),
        ({"payload": {"message": "Hi", "sessionKey": "matrix:!a"}},
         {"prompt": "Hi", "channel": "matrix", "chat": "!a"}, []),
        ({"payload": {"message": "Hi", "originChannel": "discord", "originChatId": "9"}}, "Hi", ["job_channel"]),
    ],
    ids=["legacy", "not delivered", "topic", "terminal", "a channel that is new here", "a channel that is not here"],
)  # fmt: skip
def test_the_answer_goes_where_it_went(tmp_path: Path, more: dict[str, Any], ask: Any, notes: list[str]) -> None:
    older = Older(tmp_path / "old")
    older.jobs(job("a1", {"kind": "cron", "expr": "0 7 * * *"}, **more))
    items, told = found(older)
    assert items["job_a1"]["ask"] == ask
    assert told == notes


def test_what_cannot_come_any_more_and_what_is_its_own_is_left_out(tmp_path: Path) -> None:
    older = Older(tmp_path / "old")
    older.jobs(
        job("past", {"kind": "at", "atMs": 1000}),
        job("dream", {"kind": "cron", "expr": "0 * * * *"}),
        job("heartbeat", {"kind": "every", "everyMs": 1_800_000}),
        job("never", {"kind": "every", "everyMs": -5}),
        job("mute", {"kind": "cron", "expr": "0 * * * *"}, payload={}),
        job("mars", {"kind": "cron", "expr": "0 * * * *", "tz": "Mars/Base"}),
        job("off", {"kind": "cron", "expr": "0 * * * *"}, enabled=False),
    )
    items, notes = found(older)
    assert list(items) == ["job_mars", "job_off"]
    assert "time_zone" not in items["job_mars"]
    assert items["job_off"]["initial_state"] is False
    assert notes == ["job_past", "wrong_type", "job_no_time", "job_empty", "no_zone"]


def test_what_was_still_to_be_done_to_jobs_is_done(tmp_path: Path) -> None:
    older = Older(tmp_path / "old")
    older.jobs(job("a1", {"kind": "cron", "expr": "0 7 * * *"}), job("a2", {"kind": "cron", "expr": "0 8 * * *"}))
    older.jobs(job("b1", {"kind": "cron", "expr": "0 9 * * *"}), where="cron/jobs.json")
    new = {"id": "c1", "name": "New", "schedule": {"kind": "every", "every_ms": 60000}, "payload": {"message": "x"}}
    actions = [
        {"action": "add", "params": new},
        {"action": "del", "params": {"job_id": "a1"}},
        {"action": "update", "params": {"id": "a2", "enabled": False}},
    ]
    older.write("workspace/cron/action.jsonl", "\n".join(map(json.dumps, actions)) + "\n{")
    items, notes = found(older)
    assert sorted(items) == ["job_a2", "job_b1", "new"]
    assert items["job_a2"]["initial_state"] is False
    assert notes == ["torn_line"]


def test_two_jobs_of_one_name_are_two(tmp_path: Path) -> None:
    older = Older(tmp_path / "old")
    older.jobs(*(job(one, {"kind": "cron", "expr": "0 7 * * *"}, name="Tea!") for one in ("a1", "a2")))
    assert list(found(older)[0]) == ["tea", "tea_a2"]


def test_a_name_in_another_script_has_a_key_all_the_same(tmp_path: Path) -> None:
    older = Older(tmp_path / "old")
    older.jobs(job("a1", {"kind": "cron", "expr": "0 7 * * *"}, name="早报"))
    ((key, item),) = found(older)[0].items()
    assert (key, item["alias"]) == ("job_a1", "早报")


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    older, notes = Older(tmp_path / "old"), Notes()
    older.write("workspace/cron/jobs.json", '{"jobs": [\n  {"id": "a",}\n]}')
    assert jobs(Home(older.path, notes), notes, now=NOW, zone=None, here=bool) == []
    assert "cron/jobs.json:2: is no JSON" in next(iter(notes)).sentence("en")


@pytest.mark.parametrize(
    "text", ["{{ states('x') }}", "{% raw %}{{ 1 }}{% endraw %}", "{# gone #}", "{{{{{", "a { b }"]
)
async def test_words_stay_words_whatever_templates_make_of_them(house: House, text: str) -> None:
    await house.start("counter:")
    assert Template(literal(text)).render(house.hub, native=False) == text


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("## Active Tasks\n\n<!-- - nothing\n - yet -->\n- \n\n## Completed\n- mail", False),
        ("no tasks", False),
        ("# H\n## Active Tasks\n- [ ] look at the mail\n", True),
    ],
)
def test_the_heartbeat_goes_on_where_it_has_something_to_do(text: str, there: bool) -> None:
    item = heartbeat(text, 1800)
    assert (item is not None) is there
    assert item is None or item["every"] == {"seconds": 1800}
