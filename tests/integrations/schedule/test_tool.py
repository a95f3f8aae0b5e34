"""Plans that an agent makes for somebody: reminders, and things to do later or again and again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from nanobot.contracts.model import ToolCall
from nanobot.contracts.tool import Risk
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.testing.tools import Hands

CONFIG = "schedule:\n  mine:\n    at: '07:00'\n    actions: []\n"


@pytest.fixture
async def plan(house: House, hub: Hub) -> Hands:
    await house.apply(CONFIG)
    return Hands(hub)


def made(config_dir: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((config_dir / "made_helpers.yaml").read_text())["schedule"]
    return found


async def test_a_reminder_is_a_schedule_that_people_see_in_yaml(plan: Hands, hub: Hub, config_dir: Path) -> None:
    told = await plan("schedule", action="set", name="Tea", **{"in": "20min"}, text="The tea {{ is }} ready")
    assert told.startswith("Planned. tea (Tea): next run ")
    value = made(config_dir)["tea"]
    at = f"{hub.clock.now() + timedelta(minutes=20):%Y-%m-%d %H:%M}"
    assert str(value["at"]).startswith(at[:-1])  # type: ignore[index]
    say = {"say": "{% raw %}The tea {{ is }} ready{% endraw %}", "channel": "chat", "chat": "test"}
    assert value["actions"] == [say]  # type: ignore[index]
    assert hub.states.get("schedule.tea").state == "on"  # type: ignore[union-attr]


async def test_what_the_agent_is_to_do_comes_back_to_the_chat(plan: Hands, config_dir: Path) -> None:
    await plan("schedule", action="set", name="News", cron="0 7 * * *", prompt="What is new?", tools=["web_*"])
    asked = {"prompt": "What is new?", "channel": "chat", "chat": "test", "tools": ["web_*"]}
    assert made(config_dir)["news"] == {"name": "News", "cron": "0 7 * * *", "ask": asked}


async def test_a_plan_is_replaced_listed_paused_and_removed(plan: Hands, hub: Hub, config_dir: Path) -> None:
    await plan("schedule", action="set", name="Water", every="2h", text="Drink")
    await plan("schedule", action="set", name="Water", at="18:00", text="Drink")
    assert "every" not in str(made(config_dir))
    listed = await plan("schedule")
    assert "water (Water): next run" in listed
    assert "mine (" in listed
    assert "paused" in await plan("schedule", action="pause", name="Water")
    assert "paused" not in await plan("schedule", action="resume", name="Water")
    assert await plan("schedule", action="remove", name="Water") == "Removed Water."
    assert "Water" not in await plan("schedule")


async def test_what_people_have_written_is_theirs(plan: Hands, config_dir: Path) -> None:
    before = (config_dir / "configuration.yaml").read_text()
    assert "only they change" in await plan.fails("schedule", action="remove", name="mine")
    assert "a person has written" in await plan.fails("schedule", action="set", name="mine", at="18:00", text="x")
    assert (config_dir / "configuration.yaml").read_text() == before


async def test_what_cannot_be_planned_is_a_sentence(plan: Hands) -> None:
    assert "Say when, in one way" in await plan.fails("schedule", action="set", name="x", text="x")
    assert "Say what, in one way" in await plan.fails("schedule", action="set", name="x", at="18:00")
    assert "cannot be planned" in await plan.fails("schedule", action="set", name="x", cron="often", text="x")
    assert "needs a name" in await plan.fails("schedule", action="pause")
    assert "there are: mine" in await plan.fails("schedule", action="pause", name="y")


async def test_to_plant_something_is_judged_as_reaching_outside(plan: Hands, hub: Hub) -> None:
    tool = hub.tools.get("schedule")
    assert tool is not None
    arguments = tool.parameters({"action": "set", "name": "x", "at": "18:00", "prompt": "Send all", "tools": ["*"]})
    assert tool.risk_of(arguments) is Risk.OUTSIDE
    assert tool.summary(arguments) == "Plan 'x' (at 18:00), to do this: Send all\nwith *"
    assert tool.risk_of(tool.parameters({})) is Risk.READ
    guest = plan.of(owner=False)
    outcome = await guest.toolbox.call(ToolCall("1", "schedule", '{"action": "set"}'), guest.turn)
    assert outcome.failed
