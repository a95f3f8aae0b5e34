"""What a command cannot do, by each means that keeps it in."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from nanobot.hub.entry import Entry, EntryState
from nanobot.testing.plugin import House, SetUp
from nanobot.testing.tools import Hands
from tests.integrations.shell.conftest import SECRET, Server
from tests.machine import need_landlock

pytestmark = pytest.mark.usefixtures("bwrap")

WAYS_OUT = """
cat {secrets} && echo READ
cat ../secrets.yaml && echo READ
ln -s {secrets} link; cat link && echo READ
echo x > {outside}/planted && echo WRITTEN
echo x >> /etc/passwd && echo WRITTEN
chmod 777 {outside} && echo CHANGED
mount -t tmpfs none /mnt && echo MOUNTED
cat /proc/{pid}/environ && echo READ
kill -0 {pid} && echo SIGNALLED
echo > /dev/tcp/127.0.0.1/{port} && echo CONNECTED
echo x > /dev/udp/127.0.0.1/{port}
env
true
"""


@pytest.fixture
def attack(tmp_path: Path, workspace: Path, server: Server) -> str:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    return WAYS_OUT.format(
        secrets=workspace.parent / "secrets.yaml", outside=outside, pid=os.getpid(), port=server.port
    )


def leaks(told: str) -> set[str]:
    words = {"READ", "WRITTEN", "CHANGED", "MOUNTED", "SIGNALLED", "CONNECTED", SECRET, "NANOBOT_TEST_SECRET"}
    return {word for word in words if word in told}


async def test_bubblewrap_lets_nothing_out(
    set_up: SetUp, hands: Hands, attack: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NANOBOT_TEST_SECRET", "x")
    await set_up("shell", {"sandbox": "bubblewrap"})
    assert leaks(await hands("shell", command=attack)) == set()
    assert server.heard() == ""
    assert "uid=" in await hands("shell", command="id; ps aux 2>/dev/null | wc -l")


def landlocked(tmp_path: Path, workspace: Path, command: str, *, network: bool = False) -> str:
    """The launcher alone: as root, `shell:` refuses to rely on Landlock."""
    from integrations.shell.sandbox import Rules, Sandbox

    need_landlock()
    workspace.mkdir(exist_ok=True)
    sandbox = Sandbox("landlock", Rules(workspace, network=network))
    done = subprocess.run(sandbox.argv(command), env=sandbox.env(), capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def test_landlock_keeps_files_and_sockets_closed(tmp_path: Path, workspace: Path, attack: str, server: Server) -> None:
    attack = "\n".join(line for line in attack.splitlines() if not line.startswith("chmod"))
    told = landlocked(tmp_path, workspace, attack + "\necho mine > own.txt; cat own.txt; python3 -c 'print(6*7)'")
    assert leaks(told) == set()
    assert server.heard() == ""
    assert "mine\n42" in told


def test_landlock_opens_the_network_when_told_to_but_no_other_sockets(
    tmp_path: Path, workspace: Path, server: Server
) -> None:
    unix = "import socket as s\ntry:\n s.socket(s.AF_UNIX)\n print('OPEN')\nexcept PermissionError:\n print('SHUT')"
    command = f'echo > /dev/tcp/127.0.0.1/{server.port} && echo CONNECTED; python3 -c "{unix}"'
    told = landlocked(tmp_path, workspace, command, network=True)
    assert "CONNECTED" in told
    assert "SHUT" in told


def test_landlock_shows_the_devices_that_programs_need_and_no_memory_that_others_share(
    tmp_path: Path, workspace: Path
) -> None:
    with tempfile.NamedTemporaryFile("w", dir="/dev/shm") as shared:
        shared.write(SECRET)
        shared.flush()
        told = landlocked(
            tmp_path,
            workspace,
            f"cat {shared.name}; ls /dev/shm; head -c 3 /dev/urandom | wc -c; echo x > /dev/null && echo OK",
        )
    assert SECRET not in told
    assert Path(shared.name).name not in told.replace(shared.name, "")
    assert "3\nOK" in told


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, workspace: Path) -> None:
    mark = f"sleep {time.time_ns() % 10**8 + 10**8}"
    told = landlocked(tmp_path, workspace, f"setsid {mark} & setsid {mark} >/dev/null 2>&1 & echo $!")
    assert told.strip()
    assert not running(mark)


def running(mark: str) -> list[str]:
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if line == mark:
                found.append(line)
    return found


async def test_commands_with_network_reach_a_server(set_up: SetUp, hands: Hands, server: Server) -> None:
    await set_up("shell", {"network": True})
    assert "CONNECTED" in await hands("shell", command=f"echo > /dev/tcp/127.0.0.1/{server.port} && echo CONNECTED")


async def test_folders_are_opened_one_by_one(set_up: SetUp, hands: Hands, tmp_path: Path) -> None:
    for name in ("looked", "worked"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    await set_up("shell", {"read": [str(tmp_path / "looked")], "write": [str(tmp_path / "worked")]})
    told = await hands("shell", command=f"cat {tmp_path}/looked/file {tmp_path}/worked/file; ls {tmp_path}")
    assert "lookedworked" in told
    assert "Read-only" in await hands("shell", command=f"echo x > {tmp_path}/looked/file")
    await hands("shell", command=f"echo changed > {tmp_path}/worked/file")
    assert (tmp_path / "worked" / "file").read_text() == "changed\n"


async def test_a_command_that_forks_without_end_is_ended(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell", {"max_processes": 40})
    mark = f"sleep {time.time_ns() % 10**8 + 10**8}"
    told = await hands("shell", command=f"while true; do {mark} & done")
    assert "40 are allowed" in told or "Resource temporarily unavailable" in told
    assert not running(mark)


async def test_a_command_that_eats_memory_is_ended(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell", {"max_memory": "64 MB"})
    told = await hands("shell", command="python3 -c 'import time; x = bytearray(200_000_000); time.sleep(20)'")
    assert "MiB of memory, 64 are allowed" in told


async def test_a_file_has_a_limit(set_up: SetUp, hands: Hands, workspace: Path) -> None:
    await set_up("shell", {"max_file": "1 MB"})
    await hands("shell", command="head -c 5000000 /dev/zero > big")
    assert (workspace / "big").stat().st_size == 1024 * 1024


async def test_a_cancelled_turn_and_an_unload_end_what_runs(set_up: SetUp, hands: Hands) -> None:
    entry: Entry = await set_up("shell")
    mark = f"sleep {time.time_ns() % 10**8 + 10**8}"
    running_ = asyncio.create_task(hands("shell", command=f"setsid {mark}"))
    while not running(mark):
        await asyncio.sleep(0.02)
    running_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running_
    assert not running(mark)
    await hands("shell", command=f"setsid {mark}", background=True)
    while not running(mark):
        await asyncio.sleep(0.02)
    await entry.data.end_all()
    assert not running(mark)


async def test_without_a_sandbox_there_is_no_shell(house: House, monkeypatch: pytest.MonkeyPatch, hands: Hands) -> None:
    from integrations.shell import sandbox

    monkeypatch.setattr(sandbox, "PATH", "/nowhere")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    await house.apply("shell:\n")
    entry = house.hub.entries["shell"]
    assert entry.state is EntryState.RETRYING
    assert "sudo apt-get install bubblewrap" in str(entry.error)
    assert "sandbox: none" in str(entry.error)
    assert "no tool" in await hands.fails("shell", command="true")
