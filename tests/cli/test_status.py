"""`nanobot status` and `nanobot reload`: look at the running hub, and have it read its configuration."""

from __future__ import annotations

import json
import re

import pytest

from nanobot.cli.words import language, span
from tests.cli.conftest import MINIMAL, Nanobot


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_all_is_well(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    done = nanobot("status")
    assert done.returncode == 0
    text = flat(done.stdout)
    assert re.search(r"nanobot \S+ · running for \d+ s · process \d+", text)
    assert re.search(r"assist ● loaded \d+ s", text)
    assert "To be repaired" not in text
    assert "\x1b" not in done.stdout  # no colours in a pipe


def test_what_is_wrong_is_told_in_sentences_and_by_the_exit_code(nanobot: Nanobot) -> None:
    nanobot.write("console:\n  colour: red\nconzole:\n")
    nanobot.start()
    done = nanobot("status", env={"COLUMNS": "200"})
    assert done.returncode == 1
    assert "Wrong in the configuration" in done.stdout
    assert "configuration.yaml:2: console > colour:" in done.stdout
    assert "did you mean 'console'?" in done.stdout


def test_what_is_wrong_is_told_in_the_language_of_the_terminal(nanobot: Nanobot) -> None:
    nanobot.write("assist:\nconsole:\nconzole:\n")
    nanobot.start()
    german = {"LANG": "de_DE.UTF-8", "COLUMNS": "200"}
    assert "ist 'console' gemeint?" in nanobot("status", env=german).stdout
    assert "ist 'console' gemeint?" in nanobot("reload", env=german).stderr


def test_programs_get_json(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    status = json.loads(nanobot("status", "--json").stdout)
    assert status["phase"] == "RUNNING"
    assert {entry["id"]: entry["state"] for entry in status["entries"]}["assist"] == "loaded"


def test_reload_applies_the_edit_and_tells_what_it_did(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    assert nanobot("reload").stdout == "nothing has changed\n"
    done = nanobot("reload", "console")
    assert (done.returncode, done.stdout) == (0, "changed: console\n")


def test_reload_of_something_unknown_names_the_nearest(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    done = nanobot("reload", "consle")
    assert done.returncode == 1
    assert done.stderr == "nanobot: nothing named 'consle' is configured; did you mean 'console'?\n"


def test_reload_of_what_cannot_be_read_leaves_everything_as_it_is(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    nanobot.write("assist: [\n")
    done = nanobot("reload")
    assert done.returncode == 1
    assert "the configuration cannot be read, so everything runs on as before" in done.stderr
    assert "! configuration.yaml:" in done.stderr
    assert nanobot("chat", "-m", "hello").returncode == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3725, "1 h 2 min"),
        (86400, "1 d"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "de_AT.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "fr"}, "fr"),
        ({"LANG": "zh_CN"}, "zh"),
        ({"LANG": "xx"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected
