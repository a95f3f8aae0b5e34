"""From the parts of a sentence to a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.assist.moments import due, seconds

BERLIN = ZoneInfo("Europe/Berlin")

CASES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    # now (local), the slots, the moment (local)
    "a length": ("2026-06-01T10:00", {"hours": 1, "minutes": 30}, "2026-06-01T11:30+02:00"),
    "half an hour": ("2026-06-01T10:00", {"hours": 0.5}, "2026-06-01T10:30+02:00"),
    "a length over the change": ("2026-03-29T01:30", {"hours": 1}, "2026-03-29T03:30+02:00"),
    "later today": ("2026-06-01T10:00", {"hour": 18, "minute": 30}, "2026-06-01T18:30+02:00"),
    "over for today": ("2026-06-01T10:00", {"hour": 9}, "2026-06-02T09:00+02:00"),
    "pm": ("2026-06-01T10:00", {"hour": 9, "half": "pm"}, "2026-06-01T21:00+02:00"),
    "12 am": ("2026-06-01T10:00", {"hour": 12, "half": "am"}, "2026-06-02T00:00+02:00"),
    "12 pm": ("2026-06-01T10:00", {"hour": 12, "half": "pm"}, "2026-06-01T12:00+02:00"),
    "half to ten": ("2026-06-01T10:00", {"day": "1", "hour": 10, "shift": -30}, "2026-06-02T09:30+02:00"),
    "quarter to midnight": ("2026-06-01T10:00", {"hour": 0, "shift": -15}, "2026-06-01T23:45+02:00"),
    "midnight": ("2026-06-01T10:00", {"clock": "24:00"}, "2026-06-02T00:00+02:00"),
    "noon": ("2026-06-01T13:00", {"clock": "12:00"}, "2026-06-02T12:00+02:00"),
    "tomorrow": ("2026-06-01T10:00", {"day": "1"}, "2026-06-02T09:00+02:00"),
    "tomorrow, when the clocks change": ("2026-03-28T10:00", {"day": "1", "hour": 9}, "2026-03-29T09:00+02:00"),
    "a time that is left out": ("2026-03-28T10:00", {"day": "1", "hour": 2, "minute": 30}, "2026-03-29T03:30+02:00"),
    "on Friday": ("2026-06-01T10:00", {"day": "fri", "hour": 8}, "2026-06-05T08:00+02:00"),
    "on Monday, which it is": ("2026-06-01T10:00", {"day": "mon", "hour": 18}, "2026-06-01T18:00+02:00"),
    "on Monday, too late": ("2026-06-01T10:00", {"day": "mon", "hour": 8}, "2026-06-08T08:00+02:00"),
    "this evening": ("2026-06-01T10:00", {"moment": "0 19:00"}, "2026-06-01T19:00+02:00"),
    "this morning, too late": ("2026-06-01T10:00", {"moment": "0 08:00"}, "2026-06-02T08:00+02:00"),
    "24 December": ("2026-06-01T10:00", {"monthday": 24, "month": 12}, "2026-12-24T09:00+01:00"),
    "1 May, next year": ("2026-06-01T10:00", {"monthday": 1, "month": 5}, "2027-05-01T09:00+02:00"),
    "29 February": ("2026-06-01T10:00", {"monthday": 29, "month": 2}, "2028-02-29T09:00+01:00"),
    "the 31st": ("2026-06-01T10:00", {"monthday": 31}, "2026-07-31T09:00+02:00"),
    "31 February": ("2026-06-01T10:00", {"monthday": 31, "month": 2}, None),
    "today, too late": ("2026-06-01T10:00", {"day": "0", "hour": 8}, "2026-06-01T08:00+02:00"),
    "nothing": ("2026-06-01T10:00", {}, None),
}


@pytest.mark.parametrize(("now", "slots", "expected"), CASES.values(), ids=CASES.keys())
def test_due(now: str, slots: dict[str, Any], expected: str | None) -> None:
    found = due(slots, datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert (found.isoformat(timespec="minutes") if found else None) == expected


def test_seconds() -> None:
    assert seconds({"hours": 1, "minutes": 2, "seconds": 3}) == 3723
    assert seconds({"start_minutes": 5, "minutes": 1}, "start_") == 300
    assert seconds({"text": "x"}) is None
