"""The real process, asked over its API what Home Assistant 2025.4.4 was asked: it has to behave the same.

``run.py`` starts ``nanobot run`` with the configuration of the cases, as ``README.md`` tells. The cases of one area are
one test; what failed, and why, is in its message.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
AREAS = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
LIMIT = 540.0  # s for one area on a machine that has much else to do; about 10 on an idle one

NANOBOT = shlex.join([sys.executable, "-m", "nanobot"])
COMMANDS = {
    "--cmd": f"{NANOBOT} run --config {{config_dir}} --port {{port}}",
    "--token-cmd": f"{NANOBOT} token create --config {{config_dir}} --name conformance --quiet",
    "--check-cmd": f"{NANOBOT} check --config {{config_dir}}",
}


def test_every_area_is_run() -> None:
    assert len(AREAS) >= 11


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.timeout(LIMIT + 60)
@pytest.mark.parametrize("area", AREAS)
async def test_behaves_as_home_assistant(area: str, tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "run.py"), "--target", "nanobot", "--core-domain", "homeassistant"]
    command += [part for option in COMMANDS.items() for part in option]
    command += ["--only", area, "--jobs", "2", "--retries", "1", "--time-scale", "2"]
    runner = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LIMIT):
            said, _ = await runner.communicate()
    except TimeoutError:
        os.killpg(runner.pid, signal.SIGTERM)  # it ends what it has started
        said, _ = await runner.communicate()
        pytest.fail(f"not done within {LIMIT:g} s\n{said.decode(errors='replace')}")
    text = said.decode(errors="replace")
    assert runner.returncode == 0, "\n".join(line for line in text.splitlines() if not line.startswith("ok "))
