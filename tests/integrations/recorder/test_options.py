"""What the recorder refuses, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.recorder.options import database
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.secrets import Secret

from .conftest import Recorded

OTHERWISE = "is no database that can be recorded into; write postgresql://user:password@host/name or sqlite:///path"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("  db_url: mysql://me:top_secret@host/db", OTHERWISE),
        ("  db_url: postgresql://host", OTHERWISE),
        ("  purge_keep_days: 0", "purge_keep_days"),
        ("  comit_interval: 5", "did you mean 'commit_interval'"),
        ("  exclude:\n    entity_globs: '???!'", "is no entity; write it like"),
    ],
)
async def test_a_wrong_option_is_told_with_its_place_and_without_its_secret(
    house: House, options: str, text: str
) -> None:
    await house.start("nanobot:\n")
    applied = await house.apply(f"nanobot:\nrecorder:\n{options}\n")
    (problem,) = map(str, applied.problems)
    assert text in problem
    assert problem.startswith("configuration.yaml:")
    assert "top_secret" not in problem


@pytest.mark.parametrize(
    ("url", "wanted", "file"),
    [
        (None, "sqlite+pysqlite:////c/.storage/history.db", "/c/.storage/history.db"),
        ("sqlite:///own.db", "sqlite+pysqlite:////c/own.db", "/c/own.db"),
        ("sqlite:////data/own.db", "sqlite+pysqlite:////data/own.db", "/data/own.db"),
        (
            "postgresql://me:p%40ss@host/db?sslmode=require",
            "postgresql+psycopg://me:p%40ss@host/db?sslmode=require",
            None,
        ),
        ("postgres://host:5433/db", "postgresql+psycopg://host:5433/db", None),
    ],
)
def test_where_it_is_written(url: str | None, wanted: str, file: str | None) -> None:
    found = database(None if url is None else Secret(url), Path("/c"))
    assert found == (wanted, None if file is None else Path(file))


async def test_everything_that_home_assistant_takes_is_taken(recorded: Recorded) -> None:
    history = await recorded(
        "  auto_purge: true\n  auto_repack: true\n  purge_keep_days: 5\n  commit_interval: 1\n  db_max_retries: 10\n"
        "  db_retry_wait: 3\n  include:\n    domains: [light]\n  exclude:\n    event_types: [call_service]\n"
        "    entity_globs: [sensor.weather_*]\n"
    )
    assert (await history.info()).recording


async def test_another_interval_needs_no_restart_and_another_database_does(
    recorded: Recorded, house: House, hub: Hub
) -> None:
    first = await recorded("  commit_interval: 3600")
    hub.states.set("light.a", "on")
    await house.apply("nanobot:\n  name: Home\nrecorder:\n  commit_interval: 0\n")
    assert hub.history is first
    assert (await first.info()).details["db_in_default_location"]
    await house.apply("nanobot:\n  name: Home\nrecorder:\n  db_url: sqlite:///other.db\n")
    assert hub.history is not None
    assert hub.history is not first
    assert not (await hub.history.info()).details["db_in_default_location"]
    assert (hub.config_dir / "other.db").stat().st_mode & 0o777 == 0o600
    assert list(await hub.history.states(["light.a"], 0)) == ["light.a"], "what there is now is in it"


async def test_without_a_recorder_there_is_no_history(house: House) -> None:
    await house.start("nanobot:\n")
    assert house.hub.history is None


async def test_history_and_logbook_bring_the_recorder_with_them(house: House) -> None:
    await house.start("nanobot:\nlogbook:\n")
    assert house.hub.history is not None
    await house.apply("nanobot:\n")
    assert house.hub.history is None


@pytest.mark.slow
def test_nothing_of_sqlalchemy_is_loaded_before_it_is_configured(run_python: Callable[[str], str]) -> None:
    assert run_python("import sys, integrations.recorder; print('sqlalchemy' in sys.modules)") == "False"
