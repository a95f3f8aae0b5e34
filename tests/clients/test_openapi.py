"""The description of the API, tried out on a running hub by Schemathesis: nothing fails or is undocumented."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import CONFIG, HERE, running

SEED = "20261121"
NOT_CHECKED = (
    "ignored_auth",  # wrong tokens count, and are refused altogether after some
    "positive_data_acceptance",  # an unknown service is 400, as with Home Assistant
)
HOOKS = HERE / "openapi_hooks.py"
BEHIND_A_PROXY = CONFIG.replace("  port: {port}\n", "  port: {port}\n  trusted_proxies: 127.0.0.1\n")
NOT_ASKED = (
    "/api/nanobot/entries/{entry_id}/reload",  # the others miss what it takes away
    "/api/nanobot/entries/{entry_id}/stop",
    "/api/stream",  # it has no end
    "/api/websocket",
)


@pytest.mark.server
def test_every_route_does_what_its_description_says(tmp_path: Path) -> None:
    examples = os.environ.get("NANOBOT_FUZZ_EXAMPLES", "4")
    options = ["--phases", "examples,coverage,fuzzing", "-n", examples, "--seed", SEED, "--no-shrink"]
    options += ["--workers", "1"]  # two are no faster, and Python 3.11 cannot parse in two threads (gh-106905)
    options += ["--exclude-checks", ",".join(NOT_CHECKED), "--request-timeout", "20", "--warnings", "off"]
    options += [part for path in NOT_ASKED for part in ("--exclude-path", path)]
    folder = tmp_path / "house"
    folder.mkdir()
    with running(folder, BEHIND_A_PROXY) as house:  # of its own: what is deleted here is missed elsewhere
        command = [str(Path(sys.executable).with_name("st")), "run", f"{house.url}/api/openapi.json"]
        done = subprocess.run(
            [*command, *options, "-H", f"Authorization: Bearer {house.token}"],
            cwd=tmp_path, env={**os.environ, "LC_ALL": "C.UTF-8", "SCHEMATHESIS_HOOKS": str(HOOKS)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
