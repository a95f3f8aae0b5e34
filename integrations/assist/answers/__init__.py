"""What is done and said for each intent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ..ask import Answer, Ask
from . import actions, causes, house, reminders, states, talk, timers

Handler = Callable[[Ask], Awaitable[Answer] | Answer]

FOR_OWNERS = frozenset({"Running", "EntryState", "Failed", "Reload", "Why", "WhyNot"})
"""What is about nanobot itself, and who did what: for the people who run it."""

ANSWERS: Mapping[str, Handler] = {
    "TurnOn": actions.turn_on,
    "TurnOff": actions.turn_off,
    "Toggle": actions.toggle,
    "AllOn": actions.all_on,
    "AllOff": actions.all_off,
    "SetValue": actions.set_value,
    "Increase": actions.increase,
    "Decrease": actions.decrease,
    "Reset": actions.reset,
    "Run": actions.run,
    "Stop": actions.stop,
    "State": states.state,
    "IsState": states.is_state,
    "Since": states.since,
    "Which": states.which,
    "Why": causes.why,
    "WhyNot": causes.why_not,
    "TimerStart": timers.start,
    "TimerLeft": timers.left,
    "TimerCancel": timers.cancel,
    "TimerPause": timers.pause,
    "TimerResume": timers.resume,
    "TimerAdd": timers.add,
    "TimerRemove": timers.remove,
    "Remind": reminders.remind,
    "RemindWhen": reminders.ask_when,
    "RemindWhat": reminders.ask_what,
    "When": reminders.ask_what,
    "RemindersList": reminders.listed,
    "RemindersCancel": reminders.cancel,
    "Time": house.time,
    "Date": house.date,
    "Running": house.running,
    "EntryState": house.entry_state,
    "Failed": house.failed,
    "Reload": house.reload,
    "Help": talk.help_,
    "Nevermind": talk.small("nevermind"),
    "Hello": talk.hello,
    "HowAreYou": talk.how_are_you,
    "WhoAreYou": talk.small("who_are_you"),
    "Thanks": talk.small("thanks"),
    "Bye": talk.small("bye"),
    "Yes": talk.small("nothing_open"),
    "No": talk.small("nevermind"),
    # the packaged ones
    "HassTurnOn": actions.turn_on,
    "HassTurnOff": actions.turn_off,
    "HassGetState": states.packaged,
    "HassGetCurrentTime": house.time,
    "HassGetCurrentDate": house.date,
    "HassNevermind": talk.small("nevermind"),
    "HassStartTimer": timers.start,
    "HassCancelTimer": timers.cancel,
    "HassCancelAllTimers": timers.cancel_all,
    "HassPauseTimer": timers.pause,
    "HassUnpauseTimer": timers.resume,
    "HassIncreaseTimer": timers.add,
    "HassDecreaseTimer": timers.remove,
    "HassTimerStatus": timers.left,
    "HassClimateGetTemperature": states.state,
    **dict.fromkeys(actions.PACKAGED, actions.packaged),
}


def fits(intent: str, ask: Ask, entity_id: str) -> bool:
    """Whether this entity can be meant by this intent: nobody turns on a sensor."""
    domain = entity_id.partition(".")[0]
    if intent in actions.ACTS:
        return any(ask.has(f"{domain}.{name}") for name in actions.ACTS[intent])
    return True
