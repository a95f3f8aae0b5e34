"""Log levels: as configured, by service, changed by an edit, put back at unload."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

NAMES = ("", "nanobot", "nanobot.telegram", "integrations.telegram", "aiohttp.client", "telegram")


def levels() -> dict[str, int]:
    return {name: logging.getLogger(name).level for name in NAMES}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = levels()
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        (None, {}),
        ({"default": "error"}, {"": 40, "nanobot": 40}),
        ({"default": "WARNING"}, {"": 30, "nanobot": 30}),
        ({"logs": {"aiohttp.client": "debug"}}, {"aiohttp.client": 10}),
        ({"logs": {"telegram": "debug"}}, {"telegram": 10, "nanobot.telegram": 10, "integrations.telegram": 10}),
        ({"logs": {"nanobot.telegram": "fatal"}}, {"nanobot.telegram": 50}),
        (
            {"logs": {"homeassistant.components.telegram": "info"}},
            {"nanobot.telegram": 20, "integrations.telegram": 20},
        ),
        ({"logs": {"custom_components.telegram": "info"}}, {"nanobot.telegram": 20, "integrations.telegram": 20}),
        ({"logs": {"homeassistant": "error"}}, {"nanobot": 40}),
    ],
)
async def test_levels_are_set_and_put_back(house: House, set_up: SetUp, config: Any, changed: dict[str, int]) -> None:
    before = levels()
    await set_up("logger", config)
    assert levels() == {**before, **changed}
    await house.apply("{}")
    assert levels() == before


async def test_an_edit_is_applied_in_place(house: House) -> None:
    before = levels()
    await house.start("logger: {default: error, logs: {telegram: debug}}")
    entry = house.entry("logger")
    await house.apply("logger: {logs: {aiohttp.client: debug}}")
    assert house.entry("logger") is entry
    assert levels() == {**before, "aiohttp.client": logging.DEBUG}


async def test_services(hub: Hub, set_up: SetUp) -> None:
    before = levels()
    await set_up("logger", {"logs": {"aiohttp.client": "debug"}})
    await hub.services.call("logger", "set_level", {"nanobot.telegram": "error", "aiohttp.client": "info"})
    await hub.services.call("logger", "set_default_level", {"level": "critical"})
    changed = {"nanobot.telegram": 40, "aiohttp.client": 20, "": 50, "nanobot": 50}
    assert levels() == {**before, **changed}
    with pytest.raises(InvalidServiceData, match=r"nanobot\.telegram: 'loud' is not possible"):
        await hub.services.call("logger", "set_level", {"nanobot.telegram": "loud"})


async def test_lines_that_match_a_filter_are_left_out(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.start("logger: {filters: {telegram: ['^timed out', 'ignore me$'], aiohttp: boring}}")
    log = logging.getLogger("nanobot.telegram")
    caplog.clear()
    for text in ("timed out again", "it timed out", "please ignore me"):
        log.warning("%s", text)
    logging.getLogger("nanobot.telegrams").warning("timed out, too")
    logging.getLogger("aiohttp.client").warning("a boring line")
    assert [record.getMessage() for record in caplog.records] == ["it timed out", "timed out, too"]
    await house.apply("{}")
    log.warning("timed out again")
    assert caplog.records[-1].getMessage() == "timed out again"


async def test_mistakes_are_told(house: House) -> None:
    applied = await house.apply("logger:\n  default: wraning\n  filters:\n    telegram: '['\n")
    assert [str(problem).partition(": ")[2] for problem in applied.problems] == [
        (
            "logger > default: 'wraning' is not possible; write one of 'critical', 'fatal', 'error', 'warning', "
            "'warn', 'info', 'debug', 'notset'; did you mean 'warning'?"
        ),
        "logger > filters > telegram > 0: is not a regular expression: unterminated character set at position 0",
    ]
