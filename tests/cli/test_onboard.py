"""`nanobot onboard`: questions, a commented configuration, and nothing overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nanobot.cli import check
from nanobot.cli.onboard import written
from nanobot.cli.words import LANGUAGES
from tests.cli.conftest import Nanobot, Screen


def config(nanobot: Nanobot) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((nanobot.folder / "configuration.yaml").read_text())
    return loaded


def test_without_a_terminal_it_asks_nothing(nanobot: Nanobot) -> None:
    done = nanobot("onboard", env={"TZ": "Europe/Vienna"})
    assert done.returncode == 0
    assert config(nanobot)["nanobot"] == {"name": "nanobot", "language": "en", "time_zone": "Europe/Vienna"}
    assert done.stdout.endswith("nanobot run\n")  # $NANOBOT_CONFIG names the folder
    assert set(config(nanobot)) >= {"http", "webchat", "api", "console", "assist"}
    assert nanobot("check").returncode == 0
    schema = json.loads((nanobot.folder / ".storage" / "schema.json").read_text())
    assert "webchat" in schema["properties"]


def test_options_are_answers(nanobot: Nanobot) -> None:
    options = ("--name", "Haus: 1", "--language", "de", "--time-zone", "Europe/Berlin", "--port", "8080")
    assert nanobot("onboard", "--yes", *options).returncode == 0
    assert config(nanobot)["nanobot"] == {"name": "Haus: 1", "language": "de", "time_zone": "Europe/Berlin"}
    assert config(nanobot)["http"] == {"port": 8080}
    assert "Gespräche im Terminal" in (nanobot.folder / "configuration.yaml").read_text()


def test_an_existing_configuration_is_never_overwritten(nanobot: Nanobot) -> None:
    nanobot.write("mine: 1\n")
    done = nanobot("onboard", "--yes")
    assert done.returncode == 1
    assert done.stderr == f"{nanobot.folder / 'configuration.yaml'} exists already; nothing was changed\n"
    assert config(nanobot) == {"mine": 1}


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--time-zone", "Berlin", "there is no time zone 'Berlin'; did you mean 'Europe/Berlin'?"),
        ("--time-zone", "Europe/Berlni", "did you mean 'Europe/Berlin'?"),
        ("--time-zone", "/etc/passwd", "there is no time zone"),
        ("--language", "klingon!", "'klingon!' is not a language code"),
        ("--name", "a\nb", "a name has at most 100 printable characters"),
    ],
)
def test_a_wrong_answer_is_a_sentence(nanobot: Nanobot, option: str, value: str, sentence: str) -> None:
    done = nanobot("onboard", "--yes", option, value)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not nanobot.folder.exists()


def test_questions_at_a_terminal(nanobot: Nanobot, screen: Callable[..., Screen]) -> None:
    asked = screen("onboard", TZ="UTC")
    asked.sees("What shall it be called? [nanobot]")
    asked.types("Hütte\r")
    asked.sees("Which language shall it speak? [en]")
    asked.types("12\r")
    asked.sees("is not a language code")
    asked.types("fr\r")
    asked.sees("In which time zone is it? [UTC]")
    asked.types("\r")
    asked.sees("Port of its web page? [18790]")
    asked.types("\r")
    asked.sees("configuration.yaml is written.")
    assert asked.ends() == 0
    assert config(nanobot)["nanobot"] == {"name": "Hütte", "language": "fr", "time_zone": "UTC"}


def test_breaking_off_writes_nothing(nanobot: Nanobot, screen: Callable[..., Screen]) -> None:
    asked = screen("onboard")
    asked.sees("What shall it be called?")
    assert asked.breaks_off() == 130
    assert "Traceback" not in asked.text
    assert not nanobot.folder.exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_passes_the_check_also_with_its_example(
    tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written("yes", language, "UTC", 18790)
    example = re.sub(r"^# (input_boolean:|  desk|    name)", r"\1", text, flags=re.MULTILINE)
    assert example != text
    (tmp_path / "configuration.yaml").write_text(example, encoding="utf-8")
    assert check.run(tmp_path, as_json=True) == 0, capsys.readouterr().out
    assert yaml.safe_load(example)["nanobot"]["name"] == "yes"
