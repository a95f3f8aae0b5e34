"""What one can say in English, through a chat, to a real hub."""

from __future__ import annotations

from typing import Any

import pytest

TABLES: dict[str, list[tuple[Any, ...]]] = {
    "switching": [
        ("is the coffee machine on?", r"No, Coffee machine is off\."),
        ("turn on the coffee machine", r"Coffee machine is now on\.", {"input_boolean.coffee": "on"}),
        ("Is the COFFEE MACHINE on", r"Yes, Coffee machine is on\."),
        ("turn the coffee machine on please", r"Coffee machine was already on\."),
        ("which switches are on?", r"Coffee machine is on\."),
        ("what is on?", r"Coffee machine is on\."),
        ("are any lights on?", r"There are no lights here\."),
        ("how many switches are on?", r"1 of 1 switches are on: Coffee machine\."),
        ("are all switches off?", r"No, not off: Coffee machine\."),
        ("since when is the coffee machine on?", r"Coffee machine has been on for .* seconds?, since today at 10:00\."),
        ("toggle coffee machine", r"Coffee machine is now off\.", {"input_boolean.coffee": "off"}),
        ("could you switch on the coffee machine for me?", r"Coffee machine is now on\."),
        ("turn off everything", r"Coffee machine is now off\.", {"input_boolean.coffee": "off"}),
        ("turn off all switches", r"Yes, all switches are off\."),
    ],
    "values": [
        ("what is the temperature target?", r"Temperature target is 20 °C\."),
        ("temperature target", r"Temperature target is 20 °C\."),
        ("what's the outside", r"Outside is 11\.5 °C\."),
        ("set the temperature target to 21.5",
         r"Temperature target is now 21\.5 °C\.", {"input_number.target": "21.5"}),
        ("set temperature target to 22 degrees", r"Temperature target is now 22 °C\."),
        ("increase the temperature target by 2", r"Temperature target is now 24 °C\."),
        ("lower temperature target", r"Temperature target is now 23\.5 °C\."),
        ("set the temperature target to 99",
         r"Temperature target cannot go above 30\.", {"input_number.target": "23.5"}),
        ("set the temperature target to warm", r"Temperature target needs a number, and “warm” is none\."),
        ("set house mode to away", r"House mode is now Away\.", {"input_select.mode": "Away"}),
        ("is the house mode set to away?", r"Yes, House mode is Away\."),
        ("set the house mode to party", r"House mode has no choice “party”\. There are: Home, Away and Eco\."),
        ("write buy milk: now! into note", r"Note is now buy milk: now\.", {"input_text.note": "buy milk: now"}),
        ("increase cups by 2", r"Cups is now 5\.", {"counter.cups": "5"}),
        ("count cups", r"Cups is now 6\."),
        ("reset cups", r"Cups is now 3\.", {"counter.cups": "3"}),
        ("turn on outside", r"I can only tell you about Outside: it is 11\.5 °C\."),
        ("list all counters", r"• Cups: 3"),
    ],
    "timers": [
        ("how much time is left?", r"No timer is running\."),
        ("set a timer for 5 minutes", r"Timer set for 5 minutes\."),
        ("how much is left", r"Timer of 5 minutes: (5 minutes|4 minutes and 5\d seconds) left\."),
        ("pause the timer", r"Timer of 5 minutes is paused with .* left\."),
        ("resume the timer", r"Timer of 5 minutes: .* left\."),
        ("add 2 minutes to the timer", r"Timer of 5 minutes: (7 minutes|6 minutes and 5\d seconds) left\."),
        ("start a pasta timer for an hour and a half", r"Timer “pasta” set for 1 hour and 30 minutes\."),
        ("cancel the timer", r"Which one: Timer of 5 minutes or pasta\?"),
        ("the pasta one", r"pasta is cancelled\.", {"timer.pasta": None}),
        ("cancel the 5 minute timer", r"Timer of 5 minutes is cancelled\."),
        ("start tea", r"Tea is running: (4 minutes|3 minutes and 5\d seconds)\.", {"timer.tea": "active"}),
        ("is the tea timer running?", r"Yes, Tea is running\."),
        ("set the tea timer for 90 seconds", r"Tea is running: 1 minute and 30 seconds\.", {"timer.tea": "active"}),
        ("how long is left on the tea timer", r"Tea: 1 minute and (30|29) seconds left\."),
        ("timer twenty minutes", r"Timer set for 20 minutes\."),
        ("cancel all timers", r"Cancelled: Tea and Timer of 20 minutes\.", {"timer.tea": "idle"}),
    ],
    "reminders": [
        ("what are my reminders?", r"There are no reminders here\."),
        ("remind me in 10 minutes to drink water", r"I will remind you in 10 minutes, at 10:10: drink water",
         {"reminder.drink_water": "2026-06-01T10:10:00+02:00"}),
        ("remind me at 18:30 to call Mum", r"I will remind you today at 18:30: call Mum",
         {"reminder.call_mum": "2026-06-01T18:30:00+02:00"}),
        ("remind me tomorrow at 9 to pay the rent", r"I will remind you tomorrow at 09:00: pay the rent",
         {"reminder.pay_the_rent": "2026-06-02T09:00:00+02:00"}),
        ("remind me to buy bread at half past five in the afternoon", r"I will remind you today at 17:30: buy bread"),
        ("remind me on Friday about the party", r"I will remind you on Friday at 09:00: the party"),
        ("remind me at 9am to stretch", r"I will remind you tomorrow at 09:00: stretch"),
        ("remind me on 24 December at 18:00 to light the tree",
         r"I will remind you on Thursday, 24 December 2026 at 18:00: light the tree"),
        ("remind me to water the plants", r"When shall I remind you\? .*"),
        ("tomorrow evening", r"I will remind you tomorrow at 19:00: water the plants"),
        ("remind me in an hour", r"What shall I remind you of\?"),
        ("Turn the oven off!", r"I will remind you in 1 hour, at 11:00: Turn the oven off!"),
        ("list my reminders", r"Your reminders:\n• today at 10:10: drink water\n.*"),
        ("cancel the reminder about the rent",
         r"Cancelled the reminder: pay the rent", {"reminder.pay_the_rent": None}),
        ("cancel the reminder about gold", r"I have no reminder about “gold”\."),
        ("delete all my reminders", r"Cancelled all 8 reminders\."),
    ],
    "the house": [
        ("what time is it?", r"It is 10:00\."),
        ("what's the date?", r"It is Monday, 1 June 2026\."),
        ("what is running?", r"Running: .*\nEverything is well\."),
        ("is timer running?", r"timer is running, for .*"),
        ("what failed and why?", r"Nothing has failed\. Everything is well\."),
        ("are there any problems?", r"Nothing has failed\. Everything is well\."),
        ("reload everything", r"I read the configuration again; nothing has changed\."),
        ("reload counter", r"Reloaded\. counter is running, for .*", {"counter.cups": "3"}),
        ("help", r"I can tell .*• “turn on Coffee machine”.*• “set Temperature target to 18”.*“run Good night”.*"),
        ("?", r"I can tell .*"),
        ("what can you do", r"I can tell .*"),
        ("run good night", r"I started Good night\."),
        ("hello", r"Good morning! .*"),
        ("how are you?", r"I am well, .*"),
        ("thank you", r"You are welcome!"),
        ("never mind", r"All right\."),
    ],
    "not understood": [
        ("turn on the cofee machine", r"I know nothing called “cofee machine”\. Did you mean “Coffee machine”\?"),
        ("yes", r"Coffee machine is now on\.", {"input_boolean.coffee": "on"}),
        ("turn off the coffee mashine", r"I know nothing .*\?"),
        ("no", r"All right\.", {"input_boolean.coffee": "on"}),
        ("yes", r"All right\. What can I do for you\?"),
        ("turn on the flux capacitor", r"I know nothing called “flux capacitor”\. Try “turn on Coffee machine”.*"),
        ("lorem ipsum", r"I did not understand that\. Try “turn on Coffee machine”.* or say “help”\."),
        ("please make the coffee machine dance", r"I did not understand that\. You can ask “is Coffee machine on\?”.*"),
        ("reload telegrm", r"There is no integration “telegrm”\. There are: .*"),
        ("reload timr", r"I know nothing called “timr”\. Did you mean “timer”\?"),
        ("yes", r"Reloaded\. timer is running, .*"),
        ("bla " * 100, r"That is too long for me; .*"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
async def test_what_can_be_said(home: Any, table: list[tuple[Any, ...]]) -> None:
    await home.begin()
    await home.walk(table)


async def test_a_script_is_called_on_behalf_of_the_person(home: Any) -> None:
    await home.begin()
    contexts = []
    home.hub.bus.listen("call_service", lambda event: contexts.append(event.context))
    await home.says("run good night")
    assert home.calls == [("script.turn_on", {"entity_id": ["script.good_night"]})]
    assert contexts[-1].actor == "user"
    assert contexts[-1].parent_id


async def test_two_things_of_one_name_are_asked_back(home: Any) -> None:
    await home.begin(input_boolean={"a": {"name": "Lamp"}, "b": {"name": "Lamp"}, "c": {"name": "Lamp left"}})
    await home.walk(
        [
            ("turn on lamp", r"Which one: Lamp \(input_boolean\.a\) or Lamp \(input_boolean\.b\)\?"),
            ("2", r"Lamp is now on\.", {"input_boolean.a": "off", "input_boolean.b": "on"}),
            ("is the lamp on?", r"Which one: .*"),
            ("input_boolean.a", r"No, Lamp is off\."),
            ("is the lamp on?", r"Which one: .*"),
            ("what time is it", r"It is 10:00\."),
        ]
    )


async def test_what_fails_is_said_in_a_sentence(home: Any, entry: Any) -> None:
    await home.begin()
    home.hub.states.set("light.broken", "off", {"friendly_name": "Broken"})

    def fail(call: object) -> None:
        from nanobot.errors import ServiceError

        raise ServiceError("the bulb is loose.")

    from nanobot.contracts.service import Service

    entry.add(Service("light", "turn_on", fail))
    assert await home.says("turn on broken") == "That did not work: the bulb is loose."


async def test_what_failed_and_why(home: Any) -> None:
    from nanobot.hub.entry import EntryState

    await home.begin()
    entry = home.hub.entries["counter"]
    entry.turn(EntryState.RETRYING, "the network is down")
    home.hub.issues.create("x.y", "issues.no_agent")
    await home.walk(
        [
            ("what failed?", r"• counter does not work yet; I keep trying: the network is down\.\n• Messages wait .*"),
            ("why did counter fail?", r"counter does not work yet; I keep trying: the network is down\."),
            ("what is running?", r"Running: .*\ncounter does not work yet.*\nThere is something to repair \(1\).*"),
            ("how are you", r"I am well, but there is something to repair \(1\); .*"),
        ]
    )
    home.hub.issues.resolve("x.y")
    entry.turn(EntryState.LOADED)


async def test_things_that_appear_and_go_are_known_at_once(home: Any, entry: Any) -> None:
    await home.begin()
    assert "nothing called" in await home.says("is the barn lamp on?")
    entry.set_state("switch.barn", "on", {"friendly_name": "Barn lamp", "aliases": ["stable light"]})
    assert await home.says("is the barn lamp on?") == "Yes, Barn lamp is on."
    assert await home.says("is the stable light on?") == "Yes, Barn lamp is on."
    assert await home.says("what is switch.barn?") == "Barn lamp is on."
    home.hub.states.remove("switch.barn")
    assert "nothing called" in await home.says("is the barn lamp on?")


async def test_each_chat_has_its_own_question(home: Any) -> None:
    await home.begin()
    await home.says("turn on the cofee machine")
    assert await home.chat.types("yes", chat="other") == "All right. What can I do for you?"
    assert await home.says("yes") == "Coffee machine is now on."


async def test_reloading_by_word(home: Any) -> None:
    await home.begin()
    file = home.house.config_dir / "configuration.yaml"
    text = file.read_text()
    file.write_text(text.replace('"counter":', '"input_button": {}, "counter":').replace("Note", "Memo"))
    assert await home.says("reload everything") == "New: input_button. Changed: input_text."
    assert await home.says("what is the memo?") == "Memo is hi."
    file.write_text(text.replace('"duration"', '"duratoin"'))
    told = await home.says("reload the configuration")
    assert "Problems in the configuration: 1" in told
    assert "did you mean 'duration'?" in told
    assert "did you mean 'duration'?" in await home.says("what failed?")
    file.write_text(text)
    await home.says("reload everything")
    assert await home.says("what failed?") == "Nothing has failed. Everything is well."


async def test_assist_can_be_told_to_reload_itself(home: Any) -> None:
    await home.begin()
    assert (await home.says("reload assist")).startswith(("I am reloading that now", "Reloaded. assist is running"))
    assert await home.says("what time is it?") == "It is 10:00."
