"""What is answered, in the words of one language: texts, lengths, moments, lists and states."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from nanobot.hub.states import State
from nanobot.util.translate import find, translate

HERE = "component.assist"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
SHOWN = 8  # names in a list before it is cut


class Phrases:
    """``say("on", name="Lamp")`` is the text ``answers.on`` of the translations."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **placeholders: object) -> str:
        return translate(f"{HERE}.answers.{key}", self.language, **placeholders)

    def word(self, group: str, key: object, default: str = "") -> str:
        """One word out of a group of the translations."""
        full = f"{HERE}.{group}.{key}"
        text = translate(full, self.language)
        return text if text != full else default

    def listed(self, things: Iterable[str], limit: int = SHOWN, *, between: str = "and") -> str:
        """ "A, B and C"."""
        given = list(things)
        if len(given) > limit:
            more = self("more", count=len(given) - limit)
            return self.word("lists", "comma", ", ").join(given[:limit]) + " " + more
        if len(given) < 2:
            return "".join(given)
        comma, last = self.word("lists", "comma", ", "), self.word("lists", between, " and ")
        return comma.join(given[:-1]) + last + given[-1]

    def quoted(self, text: str) -> str:
        """Between this language's quotation marks."""
        return translate(f"{HERE}.lists.quoted", self.language, text=text)

    def bullets(self, lines: Iterable[str]) -> str:
        """One line each."""
        return "\n".join(f"• {line}" for line in lines)

    def duration(self, seconds: float) -> str:
        """ "1 hour and 20 minutes": at most two units."""
        rest = max(round(seconds), 0)
        days, rest = divmod(rest, 86400)
        hours, rest = divmod(rest, 3600)
        minutes, left = divmod(rest, 60)
        parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (left, "second")]
        said = [self._unit(count, unit) for count, unit in parts if count]
        return self.listed(said[:2]) or self._unit(0, "second")

    def clock(self, moment: datetime) -> str:
        """The time of day."""
        return f"{moment:%H:%M}"

    def date(self, moment: datetime) -> str:
        """The day, in full."""
        return self(
            "date_form",
            weekday=self.word("weekdays", moment.weekday()),
            day=moment.day,
            month=self.word("months", moment.month),
            year=moment.year,
        )

    def moment(self, moment: datetime, now: datetime) -> str:
        """ "tomorrow at 09:00"."""
        days = (moment.date() - now.date()).days
        if days == 0:
            return self("today_at", time=self.clock(moment))
        if days == 1:
            return self("tomorrow_at", time=self.clock(moment))
        if 1 < days < 7:
            return self("weekday_at", weekday=self.word("weekdays", moment.weekday()), time=self.clock(moment))
        return self("date_at", date=self.date(moment), time=self.clock(moment))

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long something has been so."""
        return self.duration((now - moment) / timedelta(seconds=1))

    def state(self, state: State, value: str | None = None) -> str:
        """A state as one says it, with its unit."""
        text = state.state if value is None else value
        unit = state.attributes.get("unit_of_measurement")
        if value is None and _NUMBER.fullmatch(text):
            text = self.number(text)
        if unit and value is None and text not in ("unknown", "unavailable"):
            return f"{text}{'' if unit == '%' else ' '}{unit}"
        if text == "":
            return self.word("states", "empty", '""')
        return self.word("states", text, text)

    def number(self, text: object) -> str:
        """ "21,5", as it is written in this language; whole numbers without a fraction."""
        return str(text).removesuffix(".0").replace(".", self.word("lists", "decimal", "."))

    def meant(self, text: str) -> str:
        """The state that is called so in this language: "an" is ``on``. The text itself when none is."""
        wanted = text.strip().casefold()
        for language in (self.language, self.language.split("-")[0], "en"):
            states = find(f"{HERE}.states", language)
            if isinstance(states, dict):
                for state, called in states.items():
                    if str(called).casefold() == wanted:
                        return str(state)
        return text.strip()

    def _unit(self, count: int, unit: str) -> str:
        return f"{count}{self.word('units', 'space')}{self.word('units', unit if count == 1 else f'{unit}s')}"
