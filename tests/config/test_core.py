"""The block that is true for the whole house."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

from pathlib import Path

import pytest

from nanobot.config.core import CoreConfig, check_core, local_zone
from nanobot.contracts.media import MediaLimits

from .conftest import Folder


def test_what_home_assistant_users_write(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    checked = folder.check(
        f"""\
homeassistant:
  name: Home
  latitude: 52.37
  longitude: "4.9"
  elevation: 2
  unit_system: metric
  currency: EUR
  country: NL
  language: en
  time_zone: Europe/Amsterdam
  external_url: https://example.com
  allowlist_external_dirs: {tmp_path}/media
  customize:
    light.kitchen: {{friendly_name: Lamp}}
    light.hall:
  customize_domain:
    light: {{icon: mdi:lamp}}
  customize_glob:
    "light.*_lamp": {{icon: mdi:lamp}}
"""
    )
    assert checked.problems == []
    assert checked.core_ok
    assert checked.core == CoreConfig(
        name="Home",
        latitude=52.37,
        longitude=4.9,
        elevation=2,
        country="NL",
        time_zone="Europe/Amsterdam",
        external_url="https://example.com",
        allowlist_external_dirs=(tmp_path / "media",),
        customize={"light.kitchen": {"friendly_name": "Lamp"}, "light.hall": {}},
        customize_domain={"light": {"icon": "mdi:lamp"}},
        customize_glob={"light.*_lamp": {"icon": "mdi:lamp"}},
    )


def test_a_wrong_option_has_its_default_and_the_rest_counts(folder: Folder) -> None:
    checked = folder.check(
        "nanobot:\n  name: Home\n  latitude: 100\n  unit_system: metrc\n  requirements: sometimes\n"
        "  customize: {light.a: {x: 1}, b: {}}\n"
    )
    assert [str(problem) for problem in checked.problems] == [
        "configuration.yaml:3: nanobot > latitude: 100 is out of range; it has to be from -90 to 90",
        "configuration.yaml:4: nanobot > unit_system: 'metrc' is not possible; write one of 'metric', 'us_customary', 'imperial'; did you mean 'metric'?",
        "configuration.yaml:5: nanobot > requirements: 'sometimes' is not possible; write one of 'auto', 'ask', 'never'",
        "configuration.yaml:6: nanobot > customize > b: 'b' is not an entity id; write it like 'light.kitchen'",
    ]
    assert not checked.core_ok
    assert (checked.core.name, checked.core.latitude, checked.core.unit_system) == ("Home", 0.0, "metric")
    assert checked.core.customize == {"light.a": {"x": 1}}


def test_limits_of_files_are_written_as_people_say_them(folder: Folder) -> None:
    checked = folder.check(
        "nanobot:\n  media:\n    max_size: 5 MB\n    max_total: 1 GB\n    keep_days: 7\n    types: [image/*, Audio/OGG]\n"
    )
    assert checked.problems == []
    assert checked.core.media == MediaLimits(5 * 2**20, 2**30, 7, ("image/*", "audio/ogg"))
    assert folder.check("nanobot:\n  media: {types: '*'}\n").core.media == MediaLimits()
    assert folder.check("nanobot:\n  media: {types: []}\n").core.media.types == ()
    assert folder.check("nanobot:\n  media:\n").core.media == MediaLimits()


def test_a_wrong_limit_of_files_has_its_default_and_the_rest_counts(folder: Folder) -> None:
    checked = folder.check(
        "nanobot:\n  media:\n    max_size: much\n    keep_days: 0\n    max_total: 1 GB\n    types: [images]\n    max_sise: 1\n"
    )
    assert [str(problem) for problem in checked.problems] == [
        "configuration.yaml:3: nanobot > media > max_size: 'much' is not a size; write bytes, or for example '20 MB'",
        "configuration.yaml:4: nanobot > media > keep_days: 0 is out of range; it has to be from 1 to 36500",
        "configuration.yaml:6: nanobot > media > types > 0: 'images' is not a type of file; write it like 'image/png' or 'image/*'",
        "configuration.yaml:7: nanobot > media > max_sise: unknown option; there is only 'max_size', 'max_total', 'keep_days', 'types'",
    ]
    assert checked.core.media == MediaLimits(max_total=2**30)


def test_options_that_mean_nothing_here_are_warned_about(folder: Folder) -> None:
    checked = folder.check("homeassistant:\n  auth_providers: [{type: homeassistant}]\n")
    assert [(str(problem), problem.severity) for problem in checked.problems] == [
        (
            "configuration.yaml:2: homeassistant > auth_providers: this option of Home Assistant has no effect here; you can delete it",
            "warning",
        )
    ]
    assert checked.core_ok


def test_a_wrong_entry_of_a_package_is_not_the_cores_fault(folder: Folder) -> None:
    checked = folder.check("nanobot:\n  packages: {p: {script: {s: {alias: !secret no}}}}\n")
    assert checked.core_ok
    assert len(checked.problems) == 1


def test_a_secret_in_the_core_that_is_missing(folder: Folder) -> None:
    checked = folder.check("nanobot:\n  latitude: !secret home\n  name: Home\n")
    assert [problem.key for problem in checked.problems] == ["secret_nowhere"]
    assert checked.core.name == "Home"
    assert not checked.core_ok


def test_without_a_block_the_machines_time_zone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert local_zone() == "Asia/Tokyo"
    assert check_core({}, "nanobot") == (CoreConfig(time_zone="Asia/Tokyo"), [])
    monkeypatch.setenv("TZ", ":Nowhere/Land")
    assert local_zone() != "Nowhere/Land"
