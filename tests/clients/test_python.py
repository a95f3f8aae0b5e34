"""Clients from PyPI, unchanged, in an environment of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import HERE, House

pytestmark = pytest.mark.server


def run(command: list[str], house: House) -> str:
    """What a command says. Fails with all of it when the command does."""
    names = {"URL": house.url, "TOKEN": house.token, "HASS_SERVER": house.url, "HASS_TOKEN": house.token}
    environment = {**names, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("client", ["homeassistant_api", "hassapi"])
def test_a_client_from_pypi(client: str, python: Path, house: House) -> None:
    run([str(python / "python"), str(HERE / f"with_{client}.py")], house)


def test_the_command_hass_cli(python: Path, house: House) -> None:
    def cli(*arguments: str) -> Any:
        return json.loads(run([str(python / "hass-cli"), "--output", "json", *arguments], house))

    assert {state["entity_id"] for state in cli("state", "list")} >= {"input_boolean.lamp", "counter.cups"}
    cli("service", "call", "input_boolean.turn_on", "--arguments", "entity_id=input_boolean.lamp")
    assert cli("state", "get", "input_boolean.lamp")[0]["state"] == "on"
    assert cli("area", "list") == []  # over the WebSocket, with its first command beside the token
