"""The date and time itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.errors import InvalidServiceData
from nanobot.hub.collection import Config, Helper
from nanobot.util.dt import Clock


class InputDatetime(Helper):
    """A day, a time of day, or both, in the configured time zone. What it does not have is kept but not shown."""

    when: datetime
    """Without a zone: the wall clock's."""

    def __init__(self, domain: str, clock: Clock, key: str, config: Config) -> None:
        self._clock = clock
        super().__init__(domain, key, config)

    def begin(self) -> None:
        self.when = datetime.combine(self._clock.now().date(), time())
        if self.config.get("initial"):
            self._read(self.config["initial"])

    def restore(self, last: Mapping[str, Any]) -> None:
        if not self.config.get("initial"):
            with suppress(ValueError):  # it had a date before, now it has a time
                self._read(last["state"])

    @property
    def state(self) -> str:
        return self.when.strftime(_format_of(self.config))

    @property
    def attributes(self) -> Mapping[str, Any]:
        has_date, has_time = self.config["has_date"], self.config["has_time"]
        when = self.when
        shown: dict[str, Any] = {"has_date": has_date, "has_time": has_time, "editable": False}
        if has_date:
            shown.update(year=when.year, month=when.month, day=when.day)
        if has_time:
            shown.update(hour=when.hour, minute=when.minute, second=when.second)
        if has_date:
            exact = when if has_time else datetime.combine(when, time())
            shown["timestamp"] = exact.replace(tzinfo=self._clock.zone).timestamp()
        else:
            shown["timestamp"] = when.hour * 3600 + when.minute * 60 + when.second
        return shown

    def set_datetime(self, call: ServiceCall) -> None:
        """Service. What it does not have is ignored. Raises ``InvalidServiceData`` when nothing is left to set."""
        day, hour = self._wanted(call.data)
        if not self.config["has_date"]:
            day = None
        if not self.config["has_time"]:
            hour = None
        if day is None and hour is None:
            has = "date" if self.config["has_date"] else "time"
            raise InvalidServiceData(f"{self.entity_id} only has a {has}, and none was given")
        new = datetime.combine(day or self.when.date(), self.when.time() if hour is None else hour)
        self.when = new.replace(tzinfo=None, microsecond=0)
        self.changed(call.context)

    def _wanted(self, data: Mapping[str, Any]) -> tuple[date | None, time | None]:
        if "timestamp" in data:
            when = datetime.fromtimestamp(data["timestamp"], self._clock.zone)
        elif "datetime" in data:
            when = data["datetime"]
        else:
            return data.get("date"), data.get("time")
        return when.date(), when.time()

    def _read(self, text: str) -> None:
        when = parse(text, self.config)
        if when.tzinfo is not None:
            when = when.astimezone(self._clock.zone).replace(tzinfo=None)
        if not self.config["has_date"]:
            when = datetime.combine(self.when.date(), when.time())
        self.when = when.replace(microsecond=0)


def parse(text: str, config: Config) -> datetime:
    """Read what ``state`` writes, and other ISO 8601. Raises ``ValueError`` with a sentence."""
    try:
        if not config["has_time"]:
            return datetime.combine(date.fromisoformat(text), time())
        if not config["has_date"]:
            return datetime.combine(date.min, time.fromisoformat(text.rjust(5, "0") if ":" in text else "?"))
        return datetime.fromisoformat(text)
    except ValueError:
        kind, example = _KINDS[config["has_date"], config["has_time"]]
        raise ValueError(f"'{text}' is not a {kind}; write it in quotes, like '{example}'") from None


_KINDS = {
    (True, False): ("date", "2026-04-20"),
    (False, True): ("time of day", "07:30:00"),
    (True, True): ("date and time", "2026-04-20 07:30:00"),
}


def _format_of(config: Config) -> str:
    return {(True, False): "%Y-%m-%d", (False, True): "%H:%M:%S"}.get(
        (config["has_date"], config["has_time"]), "%Y-%m-%d %H:%M:%S"
    )
