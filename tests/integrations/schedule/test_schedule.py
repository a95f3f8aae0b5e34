"""A schedule that runs something: when, what its entity shows, what its services do, and what an edit leaves."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from nanobot.automation.why import why_not
from nanobot.errors import InvalidServiceData
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub, Phase
from nanobot.testing.chat import Chat, Echo
from tests.integrations.schedule.conftest import AMSTERDAM, OUT, Bench

pytestmark = pytest.mark.looptime

DAILY = {"x": {"at": ["07:30", "18:00"], "actions": OUT}}
LONG = [OUT, {"delay": {"hours": 20}}, {"event": "out", "event_data": {"planned": "end", "missed": 0}}]


async def test_it_runs_at_its_times(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.until("2026-06-02T08:00")
    assert bench.said == ["Mon 07:30:00 <Mon 07:30 0", "Mon 18:00:00 <Mon 18:00 0", "Tue 07:30:00 <Tue 07:30 0"]


async def test_what_it_shows(bench: Bench) -> None:
    await bench.start({"x": {**DAILY["x"], "alias": "X", "icon": "mdi:bell", "mode": "queued"}})
    assert bench.state().state == "on"
    assert dict(bench.state().attributes) == {
        "next_run": datetime(2026, 6, 1, 7, 30, tzinfo=AMSTERDAM),
        "last_run": None,
        "last_planned": None,
        "missed": 0,
        "mode": "queued",
        "current": 0,
        "max": 10,
        "friendly_name": "X",
        "icon": "mdi:bell",
    }
    await bench.until("2026-06-01T07:30")
    assert bench.shown("next_run") == "Mon 18:00:00"
    assert bench.shown("last_planned") == "Mon 07:30:00"
    assert abs((bench.state().attributes["last_run"] - datetime(2026, 6, 1, 7, 30, tzinfo=AMSTERDAM)).seconds) < 1


async def test_a_zone_of_its_own(bench: Bench) -> None:
    await bench.start({"x": {"cron": "0 7 * * mon-fri", "time_zone": "America/New_York", "actions": OUT}})
    await bench.until("2026-06-01T14:00")
    assert bench.said == ["Mon 13:00:00 <Mon 07:00 0"]
    assert bench.state().attributes["next_run"].isoformat() == "2026-06-02T07:00:00-04:00"


@pytest.mark.parametrize(
    ("from_", "until", "ran"),
    [
        ("2026-03-28T12:00", "2026-03-30T12:00", ["Sun 03:00:00 <Sun 03:00 0", "Mon 02:30:00 <Mon 02:30 0"]),
        ("2026-10-24T12:00", "2026-10-26T12:00", ["Sun 02:30:00 <Sun 02:30 0", "Mon 02:30:00 <Mon 02:30 0"]),
    ],
    ids=["skipped", "doubled"],
)
async def test_a_change_of_summer_time_costs_no_run(bench: Bench, from_: str, until: str, ran: list[str]) -> None:
    await bench.start({"x": {"cron": "30 2 * * *", "actions": OUT}}, from_)
    await bench.until(until)
    assert bench.said == ran


async def test_another_time_zone_of_the_hub_counts_at_once(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.edit(DAILY, nanobot={"time_zone": "America/New_York"})
    assert bench.state().attributes["next_run"].isoformat() == "2026-06-01T07:30:00-04:00"
    await bench.until("2026-06-01T13:30")
    assert bench.said == ["Mon 07:30:00 <Mon 07:30 0"]


async def test_jitter_delays_the_run_and_not_what_is_planned(bench: Bench) -> None:
    await bench.start({f"x{n}": {"at": "08:00", "jitter": "10min", "actions": OUT} for n in range(20)})
    assert {bench.shown("next_run", f"x{n}") for n in range(20)} == {"Mon 08:00:00"}
    await bench.until("2026-06-01T08:10")
    assert {one[13:] for one in bench.said} == {"<Mon 08:00 0"}
    times = sorted(one[4:12] for one in bench.said)
    assert len(times) == 20
    assert len(set(times)) > 10
    assert "08:00:00" <= times[0] < times[-1] <= "08:10:00"
    await bench.until("2026-06-02T08:10")
    assert len(bench.said) == 40


async def test_jitter_that_is_longer_than_the_interval_loses_none(bench: Bench) -> None:
    await bench.start({"x": {"every": "5min", "jitter": "20min", "actions": OUT, "mode": "parallel"}})
    await bench.until("2026-06-01T09:30")
    planned = [one.partition("<")[2] for one in bench.said]
    wanted = [f"Mon {7 + minutes // 60:02}:{minutes % 60:02} 0" for minutes in range(5, 126, 5)]
    assert planned[: len(wanted)] == wanted


async def test_conditions_and_variables(bench: Bench) -> None:
    said = {"event": "out", "event_data": {"planned": "{{ word }}", "missed": "{{ trigger.platform }}"}}
    written = {
        "at": ["07:30", "18:00"],
        "variables": {"word": "{{ trigger.planned.hour }} {{ trigger.id }} {{ this.state }}"},
        "conditions": {"condition": "time", "after": "12:00"},
        "actions": said,
    }
    await bench.start({"x": written})
    await bench.until("2026-06-01T19:00")
    assert bench.said == ["Mon 18:00:00 <18 x on schedule"]
    runnable = bench.hub.runnable("schedule", "x")
    assert runnable is not None
    assert [trace.short()["script_execution"] for trace in runnable.traces] == ["failed_conditions", "finished"]
    assert runnable.written["at"] == ["07:30", "18:00"]


async def test_the_event(bench: Bench) -> None:
    await bench.start({"x": {"alias": "Morning", "at": "07:30", "actions": []}})
    events: list[Event] = []
    bench.hub.bus.listen("schedule_triggered", events.append)
    await bench.until("2026-06-01T07:30")
    assert [dict(event.data) for event in events] == [
        {
            "name": "Morning",
            "entity_id": "schedule.x",
            "source": "schedule",
            "planned": "2026-06-01T07:30:00+02:00",
            "missed": 0,
        }
    ]


async def test_a_script_with_data(bench: Bench) -> None:
    script = {"out": {"sequence": [{"event": "out", "event_data": {"planned": "{{ who }}", "missed": 0}}]}}
    call = {"at": "07:30", "script": "script.out", "data": {"who": "{{ trigger.planned.hour }}"}}
    await bench.start({"x": call}, script=script)
    await bench.until("2026-06-01T07:30")
    assert bench.said == ["Mon 07:30:00 <7 0"]


async def test_an_agent_is_asked_and_its_answer_goes_to_the_chat(bench: Bench, chat: Chat) -> None:
    asking = {"prompt": "what can you do on {{ trigger.planned.strftime('%A') }}?", "channel": "chat", "chat": "test"}
    bench.hub.agents.add("echo", Echo("echo"))
    await bench.start({"x": {"at": "07:30", "ask": {**asking, "agent": "echo"}}})
    await chat.says("hello")  # the chat is known from now on
    await chat.wait_for(1)
    await bench.until("2026-06-01T07:30")
    await chat.wait_for(2)
    assert chat.received[1] == "what can you do on Monday?"


async def test_a_prompt_alone_is_asked_and_its_answer_stands_in_the_trace(bench: Bench) -> None:
    bench.hub.agents.add("echo", Echo("echo"))
    await bench.start({"x": {"at": "07:30", "ask": "think"}})
    await bench.until("2026-06-01T07:30")
    runnable = bench.hub.runnable("schedule", "x")
    assert runnable is not None
    [trace] = runnable.traces
    assert trace.full()["trace"]["action/0"][0]["result"] == {"agent": "echo", "answer": "think"}


# -- services -----------------------------------------------------------------------------------


async def test_what_is_paused_does_not_run_and_has_missed_nothing_when_it_goes_on(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.call("pause")
    assert (bench.state().state, bench.shown("next_run")) == ("off", None)
    await bench.until("2026-06-02T12:00")
    await bench.call("resume")
    assert (bench.state().state, bench.shown("next_run")) == ("on", "Tue 18:00:00")
    await bench.until("2026-06-02T18:00")
    assert bench.said == ["Tue 18:00:00 <Tue 18:00 0"]


async def test_a_pause_outlives_a_restart(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.call("pause")
    await bench.restart("2026-06-02T12:00")
    assert bench.state().state == "off"
    await bench.call("toggle")
    await bench.until("2026-06-02T18:00")
    assert bench.said == ["Tue 18:00:00 <Tue 18:00 0"]


async def test_initial_state_counts_more_than_what_was(bench: Bench) -> None:
    written = {"x": {**DAILY["x"], "initial_state": False}}
    await bench.start(written)
    assert bench.state().state == "off"
    await bench.call("turn_on")
    await bench.restart()
    assert bench.state().state == "off"


async def test_pause_lets_a_run_end_and_turn_off_ends_it(bench: Bench) -> None:
    await bench.start({"x": {"at": "07:30", "actions": LONG}})
    await bench.until("2026-06-01T08:00")
    await bench.call("pause")
    assert bench.state().attributes["current"] == 1
    await bench.call("turn_off", stop_actions=False)
    assert bench.state().attributes["current"] == 1
    await bench.call("turn_off")
    assert bench.state().attributes["current"] == 0


async def test_skip_next_leaves_out_one_run(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.call("skip_next")
    assert bench.shown("next_run") == "Mon 18:00:00"
    await bench.restart()
    assert bench.shown("next_run") == "Mon 18:00:00"
    await bench.until("2026-06-01T19:00")
    assert bench.said == ["Mon 18:00:00 <Mon 18:00 0"]


async def test_trigger_runs_at_once_and_leaves_the_plan(bench: Bench) -> None:
    never = {**DAILY["x"], "conditions": "{{ false }}"}
    await bench.start({"x": never})
    await bench.call("trigger", skip_condition=False)
    assert bench.said == []
    await bench.call("trigger")
    assert bench.said == ["Mon 07:00:00 <asked 0"]
    assert bench.shown("next_run") == "Mon 07:30:00"
    assert bench.shown("last_planned") is None


async def test_get_schedule_tells_what_comes_next(bench: Bench) -> None:
    await bench.start(DAILY)
    told = await bench.call("get_schedule")
    runs = told["schedule.x"]["next_runs"]
    assert len(runs) == 10
    assert runs[:2] == ["2026-06-01T07:30:00+02:00", "2026-06-01T18:00:00+02:00"]


async def test_the_modes_of_runs(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.start({"x": {"every": "10h", "actions": LONG}})
    await bench.until("2026-06-02T01:00")
    assert [one[:9] for one in bench.said] == ["Mon 10:00"]
    assert "is running already" in caplog.text


async def test_why_not_says_that_it_is_paused(bench: Bench) -> None:
    await bench.start(DAILY)
    assert (await why_not(bench.hub, "schedule.x")).idle is None
    await bench.call("pause")
    assert (await why_not(bench.hub, "schedule.x")).idle == "off"


# -- edits --------------------------------------------------------------------------------------


async def test_an_edit_leaves_the_others_their_run_and_their_next_one(bench: Bench) -> None:
    jittered = {"x": {"at": "08:00", "jitter": "1h", "actions": LONG}}
    await bench.start({**jittered, "y": {"at": "08:00", "actions": []}})
    watch = bench.house.entry("schedule").data._schedules["x"]._watch
    rings = watch._rings
    await bench.edit({**jittered, "y": {"at": "09:00", "actions": []}, "z": DAILY["x"]})
    assert watch._rings == rings
    assert bench.shown("next_run", "y") == "Mon 09:00:00"
    await bench.until("2026-06-01T09:00")
    await bench.edit(jittered)
    assert bench.state().attributes["current"] == 1
    assert bench.hub.states.get("schedule.y") is None


async def test_other_actions_leave_the_next_run_and_other_times_do_not(bench: Bench) -> None:
    jittered = {"at": "08:00", "jitter": "1h", "actions": OUT}
    await bench.start({"x": jittered})
    watch = bench.house.entry("schedule").data._schedules["x"]._watch
    rings = watch._rings
    await bench.edit({"x": {**jittered, "actions": [OUT, OUT]}})
    assert watch._rings == rings
    await bench.edit({"x": {**jittered, "actions": [OUT], "at": "07:10", "jitter": 0}})
    await bench.until("2026-06-01T09:00")
    assert bench.said == ["Mon 07:10:00 <Mon 07:10 0"]


async def test_times_that_were_over_before_an_edit_named_them_were_not_missed(bench: Bench) -> None:
    await bench.start({"x": {"at": "23:00", "actions": OUT}}, "2026-06-01T12:00")
    await bench.edit({"x": {"at": ["07:00", "23:00", "2026-05-31 10:00"], "actions": OUT}})
    await bench.settle()
    assert bench.said == []
    await bench.restart("2026-06-01T13:00", {"x": {"at": ["12:30", "23:00"], "actions": OUT}})
    assert bench.said == []


async def test_a_wrong_edit_leaves_the_last_good_one_running(bench: Bench) -> None:
    await bench.start(DAILY)
    applied = await bench.edit({"x": {"at": "25:00", "actions": OUT}})
    assert len(applied.problems) == 1
    assert "25:00" in bench.state().attributes["error"]
    await bench.until("2026-06-01T07:30")
    assert len(bench.said) == 1
    await bench.edit(DAILY)
    assert "error" not in bench.state().attributes


async def test_a_wrong_one_is_shown_and_repaired(bench: Bench) -> None:
    bench.shows("2026-06-01T07:00")
    bench._follow()
    await bench.house.start('schedule: {x: {at: "25:00", actions: []}, y: {at: "07:30", actions: []}}')
    assert bench.state().state == "unavailable"
    assert "'25:00'" in bench.state().attributes["error"]
    assert bench.state("y").state == "on"
    await bench.call("trigger")
    await bench.call("turn_on")
    await bench.edit(DAILY)
    assert bench.shown("next_run") == "Mon 07:30:00"


async def test_another_kind_of_schedule_under_the_same_name(bench: Bench) -> None:
    await bench.start(DAILY)
    await bench.edit({"x": {"monday": [{"from": "07:00", "to": "08:00"}]}})
    assert dict(bench.state().attributes)["editable"] is False
    await bench.edit(DAILY)
    await bench.until("2026-06-01T07:30")
    assert len(bench.said) == 1


async def test_a_thousand_cost_one_timer(bench: Bench, hub: Hub) -> None:
    await bench.start({f"x{n}": {"at": f"{8 + n % 12:02}:{n % 60:02}", "actions": OUT} for n in range(1000)})
    loop: Any = asyncio.get_running_loop()
    ring = {timer.when() for timer in loop._scheduled if not timer.cancelled() and "Alarms" in repr(timer)}
    assert len(ring) == 1
    assert len(hub.alarms) == 1000
    await bench.until("2026-06-01T21:00")
    assert len(bench.said) == 1000


async def test_nothing_runs_before_the_hub_has_started(bench: Bench) -> None:
    bench.hub.phase = Phase.STARTING
    await bench.start(DAILY)
    assert bench.shown("next_run") is None
    bench.hub.phase = Phase.RUNNING
    bench.hub.bus.fire("homeassistant_started")
    await bench.settle()
    assert bench.shown("next_run") == "Mon 07:30:00"


async def test_what_services_refuse(bench: Bench) -> None:
    await bench.start(DAILY)
    with pytest.raises(InvalidServiceData):
        await bench.hub.services.call("schedule", "pause", {})
    with pytest.raises(InvalidServiceData):
        await bench.call("trigger", skip="yes")
