"""Names made of text, and the nearest spelling."""

from __future__ import annotations

import pytest

from nanobot.util.secrets import SecretText
from nanobot.util.text import nearest, shorten, slugify, without_quote


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Living Room", "living_room"),
        ("living_room", "living_room"),
        ("Küche (oben)", "kuche_oben"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("it's 5 o'clock", "it_s_5_o_clock"),
        ("A&amp;B", "a_b"),
        ("1,000 W", "1000_w"),
        ("21 °C", "21_degc"),
        ("  many   blanks ", "many_blanks"),
        ("a__b", "a_b"),
        ("_a_", "a"),
        ("Привет мир", "privet_mir"),
        ("Ελλάδα", "ellada"),
        ("Wächter – 監視 🔔", "wachter"),
        ("監視", "unknown"),
        ("___", "unknown"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_name_becomes_part_of_an_entity_id(text: str | None, slug: str) -> None:
    assert slugify(text) == slug


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("> Anna: first\n> second\n\nstop", "stop"),
        ("> Anna: first\n\nfor me:\n> no more", "for me:\n> no more"),
        ("> 5 is true", "> 5 is true"),
        ("a\n> b\n\nc", "a\n> b\n\nc"),
        ("", ""),
    ],
)
def test_what_is_said_stands_below_what_it_replies_to(text: str, said: str) -> None:
    assert without_quote(text) == said


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("tokn", "token"),
        ("Token", "token"),
        ("telegrm", "telegram"),
        ("tiem_zone", "time_zone"),
        ("xyzzy", None),
        (5, None),
    ],
)
def test_the_nearest_spelling_is_found(word: object, found: str | None) -> None:
    assert nearest(word, ["token", "telegram", "time_zone", "allow"]) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("25:00", "'25:00'"),
        (True, "true"),
        (None, "''"),
        (3, "3"),
        ("x" * 100, "'" + "x" * 59 + "…'"),
        ("a\nb", "'a\\nb'"),
        (SecretText("hunter2"), "'••••'"),
        ({"password": SecretText("hunter2")}, "{'password': '••••'}"),
    ],
)
def test_a_value_fits_into_a_message(value: object, text: str) -> None:
    assert shorten(value) == text
