"""What validators take, what they make of it, and what they say."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.util.secrets import Secret, SecretText

MINUTES = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (cv.string, "a", "a"),
        (cv.string, 5, "5"),
        (cv.string, True, "True"),
        (cv.string, SecretText("x"), "x"),
        (cv.boolean, True, True),
        (cv.boolean, "On", True),
        (cv.boolean, "disable", False),
        (cv.boolean, 0, False),
        (cv.positive_int, "5", 5),
        (cv.positive_int, 5.0, 5),
        (cv.positive_int, 10**20, 10**20),
        (cv.small_float, "0.5", 0.5),
        (cv.port, 18790, 18790),
        (cv.slug, "living_room_2", "living_room_2"),
        (cv.entity_id, "Light.Kitchen ", "light.kitchen"),
        (cv.entity_ids, "light.a, light.b", ["light.a", "light.b"]),
        (cv.entity_ids, ["light.a"], ["light.a"]),
        (cv.entity_domain("light"), "light.a", "light.a"),
        (cv.service_name, "light.turn_on", "light.turn_on"),
        (cv.icon, "mdi:lightbulb-on", "mdi:lightbulb-on"),
        (cv.time, "7:30", dt.time(7, 30)),
        (cv.time, "07:30:15", dt.time(7, 30, 15)),
        (cv.time, "23:59:59.5", dt.time(23, 59, 59, 500000)),
        (cv.date, "2026-11-21", dt.date(2026, 11, 21)),
        (cv.datetime, "2026-11-21 07:30:00", dt.datetime(2026, 11, 21, 7, 30)),
        (cv.time_period, 90, 1.5 * MINUTES),
        (cv.time_period, "90", 1.5 * MINUTES),
        (cv.time_period, 0.5, MINUTES / 120),
        (cv.time_period, "0:05", 5 * MINUTES),
        (cv.time_period, "01:00:30", 60.5 * MINUTES),
        (cv.time_period, "-00:05", -5 * MINUTES),
        (cv.time_period, {"hours": 1, "minutes": "30"}, 90 * MINUTES),
        (cv.time_period, MINUTES, MINUTES),
        (cv.weekdays, "mon", ["mon"]),
        (cv.weekdays, ["mon", "sun"], ["mon", "sun"]),
        (cv.url, "https://example.com:8123/x?y", "https://example.com:8123/x?y"),
        (cv.secret, "x", Secret("x")),
        (cv.secret, 12, Secret("12")),
        (cv.chat_id, -100123, "-100123"),
        (cv.chat_id, " ann ", "ann"),
        (cv.language, "pt-BR", "pt-BR"),
        (cv.time_zone, "Europe/Amsterdam", "Europe/Amsterdam"),
        (cv.size, 1000, 1000),
        (cv.size, "20 MB", 20 * 1024 * 1024),
        (cv.size, "1.5gb", 3 * 512 * 1024 * 1024),
        (cv.size, "500 KiB", 500 * 1024),
        (cv.size, "3k", 3 * 1024),
        (cv.size, "12 bytes", 12),
        (cv.country, "nl", "NL"),
        (cv.currency, "EUR", "EUR"),
        (cv.ensure_list, None, []),
        (cv.ensure_list, "a", ["a"]),
        (cv.ensure_list, ["a"], ["a"]),
        (cv.ensure_list_csv, "a, b", ["a", "b"]),
        (cv.one_of("a", "b"), "b", "b"),
        (cv.one_of("a", "b", fold=True), "B", "b"),
        (cv.match_all, {"a": 1}, {"a": 1}),
        (cv.template, "{{ 1 }}", "{{ 1 }}"),
    ],
)
def test_a_good_value(check: Any, value: Any, result: Any) -> None:
    found = check(value)
    assert found == result
    assert type(found) is type(result) or isinstance(value, SecretText)


@pytest.mark.parametrize(
    ("check", "value", "sentence"),
    [
        (cv.string, None, "expected text, found nothing"),
        (cv.string, ["a"], "expected text, found a list"),
        (cv.string_with_no_html, "<b>x", "'<b>x' holds HTML, which is not allowed here"),
        (cv.boolean, "maybe", "expected true or false, found 'maybe'"),
        (cv.positive_int, -1, "-1 is too small; the least is 0"),
        (cv.positive_int, 1.5, "expected a whole number, found 1.5"),
        (cv.positive_int, True, "expected a number, found true"),
        (cv.positive_int, "many", "expected a number, found 'many'"),
        (cv.number, float("nan"), "expected a number, found nan"),
        (cv.small_float, 2, "2 is out of range; it has to be from 0 to 1"),
        (cv.port, 0, "0 is out of range; it has to be from 1 to 65535"),
        (cv.slug, "Living Room", "'Living Room' cannot be a name here; use small letters, digits and _; did you mean 'living_room'?"),
        (cv.entity_id, "kitchen", "'kitchen' is not an entity id; write it like 'light.kitchen'"),
        (cv.entity_ids, "light.a, kitchen", "'kitchen' is not an entity id; write it like 'light.kitchen'"),
        (cv.entity_ids, None, "expected an entity id or a list, found nothing"),
        (cv.entity_domain("light"), "switch.a", "'switch.a' does not fit; an entity of light is needed"),
        (cv.service_name, "turn_on", "'turn_on' is not a service; write it like 'light.turn_on'"),
        (cv.icon, "lightbulb", "'lightbulb' is not an icon; write it like 'mdi:lightbulb'"),
        (cv.size, "20 MX", "'20 MX' is not a size; write bytes, or for example '20 MB'"),
        (cv.size, -1, "-1 is not a size; write bytes, or for example '20 MB'"),
        (cv.size, "", "'' is not a size; write bytes, or for example '20 MB'"),
        (cv.size, True, "true is not a size; write bytes, or for example '20 MB'"),
        (cv.size, None, "'' is not a size; write bytes, or for example '20 MB'"),
        (cv.size, "9" * 400, f"'{'9' * 59}…' is not a size; write bytes, or for example '20 MB'"),
        (cv.time, "25:00", "'25:00' is not a time of day; write it like '07:30'"),
        (cv.time, "noon", "'noon' is not a time of day; write it like '07:30'"),
        (cv.time, 630, "630 is not a time of day; write it in quotes, like '10:30'"),
        (cv.date, "2026-13-01", "'2026-13-01' is not a date; write it like '2026-12-31'"),
        (cv.datetime, "now", "'now' is not a date with a time; write it like '2026-12-31 07:30:00'"),
        (cv.time_period, "soon", "'soon' is not a duration; write seconds, 'HH:MM:SS', or for example 'minutes: 5'"),
        (cv.time_period, {}, "{} is not a duration; write seconds, 'HH:MM:SS', or for example 'minutes: 5'"),
        (cv.time_period, {"minuts": 5}, "unknown option; did you mean 'minutes'?"),
        (cv.time_period, {"minutes": "x"}, "expected a number, found 'x'"),
        (cv.time_period, 10**30, f"{10**30} is not a duration; write seconds, 'HH:MM:SS', or for example 'minutes: 5'"),
        (cv.positive_time_period, -5, "-5 is negative; a duration from 0 on is needed"),
        (cv.weekdays, "monday", "'monday' is not possible; write one of 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'; did you mean 'mon'?"),
        (cv.url, "example.com", "'example.com' is not an address; write it like 'https://example.com'"),
        (cv.url, "http://x:port", "'http://x:port' is not an address; write it like 'https://example.com'"),
        (cv.secret, None, "expected text that is kept secret, such as a token or a password; write it in quotes"),
        (cv.secret, ["hunter2"], "expected text that is kept secret, such as a token or a password; write it in quotes"),
        (cv.chat_id, True, "true is not the id of a person or chat; it is a number or a name"),
        (cv.language, "german", "'german' is not a language; write it like 'de' or 'pt-BR'"),
        (cv.time_zone, "Amsterdam", "'Amsterdam' is not a time zone; write it like 'Europe/Berlin'; did you mean 'Europe/Amsterdam'?"),
        (cv.time_zone, "../etc/passwd", "'../etc/passwd' is not a time zone; write it like 'Europe/Berlin'"),
        (cv.country, "Holland", "'Holland' is not a country; write its two letters, like 'DE'"),
        (cv.currency, "€", "'€' is not a currency; write its three letters, like 'EUR'"),
        (cv.existing_file, "/no/such", "the file '/no/such' does not exist"),
        (cv.existing_folder, "/no/such", "the folder '/no/such' does not exist"),
        (cv.one_of("on", "off"), "of", "'of' is not possible; write one of 'on', 'off'; did you mean 'off'?"),
        (cv.one_of(0, 1), True, "true is not possible; write one of 0, 1"),
    ],
)  # fmt: skip
def test_a_bad_value(check: Any, value: Any, sentence: str) -> None:
    with pytest.raises(vol.Invalid) as error:
        check(value)
    assert [problem.sentence() for problem in explain(error.value, value, ())] == [sentence]


def test_a_secret_text_stays_one() -> None:
    assert isinstance(cv.string(SecretText("x")), SecretText)
    assert isinstance(cv.url(SecretText("https://user:pass@example.com")), SecretText)
    assert all(isinstance(part, SecretText) for part in cv.ensure_list_csv(SecretText("a,b")))


def test_paths_that_exist(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert cv.existing_file(str(tmp_path / "a")) == tmp_path / "a"
    assert cv.existing_folder(str(tmp_path)) == tmp_path


def test_items_as_a_plain_validator_refuse_the_whole() -> None:
    schema = vol.Schema({"things": cv.Items({"n": int}), "more": cv.Items({"n": int}, by="index")})
    assert schema({"things": {"a": {"n": 1}, "b": None}, "more": {"n": 1}}) == {
        "things": {"a": {"n": 1}, "b": {}},
        "more": [{"n": 1}],
    }
    with pytest.raises(vol.MultipleInvalid) as error:
        schema({"things": {"a": {"n": "x"}, "B!": {}}, "more": [{}, {"m": 1}]})
    assert [list(inner.path) for inner in error.value.errors] == [
        ["things", "a", "n"],
        ["things", "B!"],
        ["more", 1, "m"],
    ]
