"""The API of a real process: a port is all that it takes, tokens work at any time, a restart asks for a new start."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

from nanobot.app import RESTART
from tests.cli.conftest import Nanobot

FROM_HOME_ASSISTANT = """
homeassistant:
  name: Castle
  time_zone: Europe/Amsterdam
logger:
  default: warning
conversation:
webhook:
zwave_js:
input_boolean:
  lamp:
automation:
  - id: start
    triggers:
      - trigger: homeassistant
        event: start
    actions:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
"""


def ask(url: str, token: str, data: bytes | None = None) -> Any:
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def test_a_configuration_of_home_assistant_and_a_port_are_enough(nanobot: Nanobot) -> None:
    nanobot.write(FROM_HOME_ASSISTANT)
    create = ("token", "create", "--config", str(nanobot.folder), "--name", "t", "--quiet")
    before = nanobot(*create)
    assert before.returncode == 0, before.stderr
    shown = nanobot.start("--port", "0")
    found = re.search(r"page +(http://127\.0\.0\.1:\d+)\n", shown)
    assert found is not None, shown
    url, token = found[1], before.stdout.strip()
    assert ask(f"{url}/api/config", token)["state"] == "RUNNING"
    assert ask(f"{url}/api/states/input_boolean.lamp", token)["state"] == "on"
    later = nanobot(*create).stdout.strip()
    assert re.fullmatch(r"nb_[\w-]{40,}", later)
    assert ask(f"{url}/api/", later) == {"message": "API running."}
    assert "zwave_js: no such integration" in ask(f"{url}/api/config/core/check_config", later, b"")["warnings"]

    assert ask(f"{url}/api/services/homeassistant/restart", later, b"{}") == []
    process = nanobot.process
    assert process is not None
    rest, _ = process.communicate(timeout=60)
    nanobot.process = None
    assert process.returncode == RESTART, rest.decode()
    assert b"Traceback" not in rest
