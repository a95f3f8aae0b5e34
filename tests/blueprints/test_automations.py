"""Each automation blueprint that comes with nanobot does what its description says."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.meter import Spender, Spent
from nanobot.hub.entry import Entry
from nanobot.testing.chat import Chat

from .conftest import WHERE, Use

pytestmark = pytest.mark.looptime


async def test_daily_briefing(use: Use) -> None:
    await use(
        "daily_briefing",
        at="07:00",
        things=["sensor.out", "sensor.gone", "input_boolean.lamp"],
        greeting="Good morning, {{ 1 + 1 }} of you!",
        days=["mon", "wed"],
        having={"input_boolean": {"lamp": {"name": "Lamp"}}},
        **WHERE,
    )
    await use.sets("sensor.out", "12.5", friendly_name="Outside", unit_of_measurement="°C")
    await use.until("07:00")
    assert use.said == ["Good morning, 2 of you!\nOutside: 12.5 °C\nLamp: off"]
    await use.until("07:00", days=1)
    assert use.said == []
    await use.until("07:00", days=1)
    assert len(use.said) == 1


@pytest.mark.parametrize(("answer", "said"), [("The page is new.", ["The page is new."]), ("Nothing.", []), ("", [])])
async def test_ask_the_agent(use: Use, answer: str, said: list[str]) -> None:
    await use("ask_the_agent", when={"trigger": "time", "at": "06:00"}, task="Is the page of {{ now().date() }} new?",
              **WHERE)  # fmt: skip
    use.agent.answer = answer
    await use.until("06:00")
    assert use.agent.asked == "Is the page of 2026-06-01 new?"
    assert use.said == said


async def test_forward_messages(use: Use) -> None:
    second = Entry(use.hub, "second", "second", {})
    other = Chat("second")
    second.add(other)
    await use("forward_messages", from_channel="chat", from_chat=7, to_channel="second", to_chat="home",
              containing="urgent|fire")  # fmt: skip
    await use.types("It is URGENT", chat="7")
    await use.types("nothing much", chat="7")
    await use.types("fire!", chat="another")
    assert [(message.chat, message.text) for message in other.sent] == [("home", "tester: It is URGENT")]
    await second.release()


async def test_answer_when_away(use: Use) -> None:
    await use("answer_when_away", away="input_boolean.away", pause={"minutes": 30}, text="Not here.",
              having={"input_boolean": {"away": None}}, **WHERE)  # fmt: skip
    await use.types("hello?")
    assert use.said == []
    await use.sets("input_boolean.away", "on")
    await use.types("hello?")
    await use.types("anybody?")
    assert use.said == ["Not here."]
    await use.passes(minutes=31)
    await use.types("still away?")
    await use.types("hm", chat="other")
    assert use.said == ["Not here."]


def escalation(**more: Any) -> dict[str, Any]:
    return {
        "when": {"trigger": "event", "event_type": "alarm"},
        "text": "The cellar is wet",
        "patience": {"minutes": 5},
        "second_channel": "chat",
        "second_chat": "boss",
        **WHERE,
        **more,
    }


async def test_escalate_if_no_answer(use: Use) -> None:
    await use("escalate_if_no_answer", **escalation(answer="Mine"))
    await use.happens("alarm")
    assert use.chat.sent[0].buttons == ("Mine",)
    assert use.said == ["The cellar is wet"]
    await use.passes(minutes=6)
    assert [message.chat for message in use.chat.sent] == ["boss"]
    assert use.said == ["Nobody answered: The cellar is wet"]


async def test_nothing_is_escalated_when_somebody_answers(use: Use) -> None:
    await use("escalate_if_no_answer", **escalation())
    await use.happens("alarm")
    await use.types("I go")
    await use.passes(minutes=6)
    assert use.said == ["The cellar is wet"]


async def test_remind_until_done(use: Use) -> None:
    await use("remind_until_done", text="Pills", at="08:00", again={"minutes": 10}, times=4, button="Taken",
              thanks="Fine", afterwards=[{"event": "taken"}], **WHERE)  # fmt: skip
    taken: list[Any] = []
    use.hub.bus.listen("taken", taken.append)
    await use.until("08:00")
    assert use.said == ["Pills"]
    await use.passes(minutes=10)
    assert use.said == ["Pills"]
    await use.types("in a moment")
    assert use.said == ["Pills"]
    await use.types("taken")
    assert use.said == ["Fine"]
    assert len(taken) == 1
    await use.passes(hours=2)
    assert use.said == []
    await use.until("08:00", days=1)
    await use.passes(hours=2)
    assert use.said == ["Pills"] * 4
    assert len(taken) == 1


async def test_integration_watchdog(use: Use) -> None:
    await use("integration_watchdog", integrations=["integration.telegram"], patience={"minutes": 5}, **WHERE)
    about = {"friendly_name": "telegram", "error": "timed out"}
    await use.sets("integration.telegram", "loaded", friendly_name="telegram")
    await use.sets("integration.telegram", "retrying", **about)
    await use.passes(minutes=2)
    await use.sets("integration.telegram", "loaded", friendly_name="telegram")
    await use.passes(minutes=10)
    assert use.said == []
    await use.sets("integration.telegram", "retrying", **about)
    await use.passes(minutes=5)
    assert use.said == ["telegram does not work: timed out"]
    await use.sets("integration.telegram", "loaded", friendly_name="telegram")
    assert use.said == ["telegram works again."]


async def test_backup_reminder(use: Use) -> None:
    await use("backup_reminder", day="mon", at="18:00", pause={"hours": 2}, last="input_datetime.backup",
              having={"input_datetime": {"backup": {"has_date": True}}}, **WHERE)  # fmt: skip
    await use.until("18:00")
    assert use.chat.sent[0].buttons == ("Yes", "Later")
    assert use.said == ["Has the backup of this week been made?"]
    await use.types("Later")
    await use.passes(hours=1)
    assert use.said == []
    await use.passes(hours=1)
    assert len(use.said) == 1
    await use.types("yes")
    assert use.state("input_datetime.backup") == "2026-06-01"
    await use.until("18:00", days=1)
    assert use.said == []


async def test_quiet_hours(use: Use) -> None:
    await use("quiet_hours", switch={"entity_id": "input_boolean.quiet"}, begin="22:00", end="07:00",
              having={"input_boolean": {"quiet": None}})  # fmt: skip
    await use.until("22:00")
    assert use.state("input_boolean.quiet") == "on"
    await use.until("07:00", days=1)
    assert use.state("input_boolean.quiet") == "off"


async def test_state_notification(use: Use) -> None:
    await use("state_notification", things=["binary_sensor.door", "binary_sensor.window"], to="on",
              quiet="input_boolean.quiet", text="{{ name }}: {{ before }} > {{ state }}", **{"for": {"minutes": 2}},
              having={"input_boolean": {"quiet": None}}, **WHERE)  # fmt: skip
    await use.sets("binary_sensor.door", "off", friendly_name="Door")
    await use.sets("binary_sensor.door", "on", friendly_name="Door")
    await use.passes(minutes=1)
    assert use.said == []
    await use.passes(minutes=1)
    assert use.said == ["Door: off > on"]
    await use.sets("input_boolean.quiet", "on")
    await use.sets("binary_sensor.window", "off")
    await use.sets("binary_sensor.window", "on")
    await use.passes(minutes=3)
    assert use.said == []


async def test_threshold_alarm(use: Use) -> None:
    await use("threshold_alarm", sensor="sensor.load", limit=80, calm=60, **WHERE)
    for value in (50, 81, 75, 85, 90):
        await use.sets("sensor.load", str(value))
    assert use.said == ["sensor.load is high: 81"]
    await use.sets("sensor.load", "59")
    assert use.said == ["sensor.load is normal again: 59"]
    await use.sets("sensor.load", "95")
    assert use.said == ["sensor.load is high: 95"]


def spend(use: Use, tokens: int) -> None:
    for meter in use.hub.meters:
        meter.spent(Spent(Spender(), "main", at=use.hub.clock.time(), prompt=tokens))


async def test_budget_alarm(use: Use) -> None:
    await use("budget_alarm", budget="budget.daily", more=500, button="More",
              having={"budget": {"daily": {"name": "Daily", "tokens": 1000}}}, **WHERE)  # fmt: skip
    spend(use, 850)
    await use.settle()
    assert use.said == ["Daily: 85.0 % are used, until 2026-06-02 00:00."]
    spend(use, 100)
    await use.settle()
    assert use.said == []
    spend(use, 100)
    await use.settle()
    assert use.chat.sent[0].buttons == ("More",)
    assert use.said == ["Daily is used up until 2026-06-02 00:00."]
    await use.types("More")
    assert use.state("budget.daily") == "70.0"


async def test_budget_alarm_without_a_button_says_once_what_is_used_up_at_once(use: Use) -> None:
    await use("budget_alarm", budget="budget.daily", having={"budget": {"daily": {"tokens": 1000}}}, **WHERE)
    spend(use, 2000)
    await use.settle()
    assert use.said == ["budget.daily is used up until 2026-06-02 00:00."]
    assert use.chat.sent == []


async def test_daily_habit(use: Use) -> None:
    await use("daily_habit", question="Did you read?", at="21:00", counter="counter.days", patience={"hours": 2},
              having={"counter": {"days": None}}, **WHERE)  # fmt: skip
    await use.until("21:00")
    assert use.said == ["Did you read?"]
    await use.types("Yes")
    assert use.said == ["Well done: 1 in a row."]
    await use.until("21:00", days=1)
    await use.types("1")
    assert use.said == ["Did you read?", "Well done: 2 in a row."]
    await use.until("21:00", days=1)
    await use.passes(hours=2)
    assert use.state("counter.days") == "0"


@pytest.mark.parametrize(("answer", "done"), [("Yes", "opened"), ("No", "left"), (None, "left")])
async def test_confirm_action(use: Use, answer: str | None, done: str) -> None:
    happened: list[str] = []
    for event_type in ("opened", "left"):
        use.hub.bus.listen(event_type, lambda event: happened.append(event.type))
    await use("confirm_action", when=[{"trigger": "event", "event_type": "ring"}],
              only_if=["{{ trigger.event.data.door == 'front' }}"], question="Open the {{ trigger.event.data.door }}?",
              then=[{"event": "opened"}], otherwise=[{"event": "left"}], **WHERE)  # fmt: skip
    await use.happens("ring", door="back")
    assert use.said == []
    await use.happens("ring", door="front")
    assert use.said == ["Open the front?"]
    assert happened == []
    if answer is not None:
        await use.types(answer)
    else:
        await use.passes(minutes=10)
    assert happened == [done]


async def test_motion_light(use: Use) -> None:
    await use("motion_light", motion="binary_sensor.hall", light={"entity_id": "input_boolean.light"},
              stay={"minutes": 2}, having={"input_boolean": {"light": None}})  # fmt: skip
    await use.sets("binary_sensor.hall", "off")
    await use.sets("binary_sensor.hall", "on")
    assert use.state("input_boolean.light") == "on"
    await use.passes(minutes=10)
    await use.sets("binary_sensor.hall", "off")
    await use.passes(minutes=1)
    await use.sets("binary_sensor.hall", "on")
    await use.sets("binary_sensor.hall", "off")
    await use.passes(minutes=1.5)
    assert use.state("input_boolean.light") == "on"
    await use.passes(minutes=1)
    assert use.state("input_boolean.light") == "off"


async def test_low_battery_report(use: Use) -> None:
    some: dict[str, Any] = {"except": ["sensor.old"], **WHERE}
    await use("low_battery_report", at="09:00", limit=20, **some)
    battery = {"device_class": "battery"}
    await use.sets("sensor.lock", "80", friendly_name="Lock", **battery)
    await use.until("09:00")
    assert use.said == []
    await use.sets("sensor.lock", "12", friendly_name="Lock", **battery)
    await use.sets("sensor.old", "1", **battery)
    await use.sets("sensor.dead", "unavailable", **battery)
    await use.sets("binary_sensor.bell", "on", friendly_name="Bell", **battery)
    await use.sets("sensor.rain", "3")
    await use.until("09:00", days=1)
    (said,) = use.said
    assert sorted(said.splitlines()) == ["Batteries that are low:", "Bell", "Lock: 12 %"]


async def test_note_the_answer(use: Use) -> None:
    await use("note_the_answer", when={"trigger": "event", "event_type": "evening"}, question="How was it?",
              note="input_text.day", follow_up="Why {{ answer }}?", follow_up_note="input_text.why",
              having={"input_text": {"day": None, "why": None}}, **WHERE)  # fmt: skip
    await use.happens("evening")
    await use.types("good")
    await use.types("sunshine")
    assert use.said == ["How was it?", "Why good?"]
    assert use.state("input_text.day") == "good"
    assert use.state("input_text.why") == "sunshine"


async def test_report_issues(use: Use) -> None:
    await use("report_issues", **WHERE)
    await use.happens("issue_created", id="telegram.auth_failed", entry="telegram", severity="error")
    await use.happens("issue_created", id="small.thing", entry="small", severity="warning")
    assert use.said == ["Something is to be repaired (error): telegram.auth_failed"]


async def test_undelivered_messages(use: Use) -> None:
    await use("undelivered_messages", watched="telegram", **WHERE)
    await use.happens("message_failed", id="1", channel="telegram", chat="77", error="the chat is gone")
    await use.happens("message_failed", id="2", channel="other", chat="77", error="the chat is gone")
    assert use.said == ["A message to 77 was not delivered: the chat is gone"]


@pytest.mark.parametrize(
    ("answer", "by_itself", "left"),
    [("Turn off", False, "off"), ("Leave on", True, "on"), (None, True, "off"), (None, False, "on")],
)
async def test_left_on(use: Use, answer: str | None, by_itself: bool, left: str) -> None:
    await use("left_on", thing="input_boolean.iron", by_itself=by_itself, **{"for": {"hours": 1}},
              having={"input_boolean": {"iron": {"name": "Iron"}}}, **WHERE)  # fmt: skip
    await use.does(use.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.iron"}))
    await use.passes(hours=1)
    assert use.said == ["Iron is still on. Turn it off?"]
    if answer is not None:
        await use.types(answer)
    await use.passes(minutes=11)
    assert use.state("input_boolean.iron") == left
