"""What an agent gets done with a shell, and what comes back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from nanobot.contracts.tool import Risk
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands

pytestmark = pytest.mark.usefixtures("bwrap", "workspace")


@pytest.fixture
async def shell(set_up: SetUp, hands: Hands) -> Hands:
    await set_up("files")
    await set_up("shell", {"timeout": 20, "max_output": 2000})
    return hands


async def test_a_command_runs_in_the_workspace_and_its_output_and_exit_code_come_back(
    shell: Hands, workspace: Path
) -> None:
    assert (await shell("shell", command="echo one > a.txt; cat a.txt; exit 3")).startswith("one\n[exit code 3")
    assert (workspace / "a.txt").read_text() == "one\n"
    assert (workspace / "a.txt").stat().st_mode & 0o077 == 0
    assert (await shell("shell", command="true")).startswith("Done, nothing printed")


async def test_errors_stand_where_they_were_printed(shell: Hands) -> None:
    told = await shell("shell", command="echo before; echo wrong >&2; echo after")
    assert told.splitlines()[:3] == ["before", "wrong", "after"]


async def test_what_is_long_is_cut_in_the_middle_and_colours_are_gone(shell: Hands) -> None:
    told = await shell("shell", command=r"printf '\033[31mred\033[0m\n'; seq 1 5000; printf 'x\rthe end'")
    assert told.startswith("red\n1\n2\n")
    assert "bytes left out" in told
    assert "5000\nthe end\n[exit code 0" in told
    assert len(told) < 2300


async def test_an_agent_uses_the_programs_of_the_machine(shell: Hands) -> None:
    told = await shell("shell", command="printf 'b\\na\\n' | sort | awk '{print NR\": \"$0}'; python3 -c 'print(6*7)'")
    assert told.splitlines()[:3] == ["1: a", "2: b", "42"]


async def test_a_command_that_takes_too_long_is_ended_with_what_it_printed(shell: Hands) -> None:
    began = time.monotonic()
    told = await shell("shell", command="echo begun; sleep 60", timeout=0.5)
    assert told.startswith("begun\n[ended after 0.5 s, its limit of time]")
    assert time.monotonic() - began < 10


async def test_a_command_in_the_background_goes_on_and_can_be_looked_at_and_ended(shell: Hands) -> None:
    assert await shell("shell", command="echo up; sleep 60; echo never", background=True) == "Started as p1."
    while "up" not in (told := await shell("shell_process", process="p1")):
        await asyncio.sleep(0.02)
    assert "[p1 runs for" in told
    assert (await shell("shell_process")).startswith("p1 [p1 runs for")
    assert "[ended as you asked]" in await shell("shell_process", process="p1", end=True)
    assert "never" not in await shell("shell_process", process="p1")
    assert "there are: p1" in await shell.fails("shell_process", process="p7")


async def test_the_end_of_a_command_in_the_background_is_waited_for(shell: Hands) -> None:
    await shell("shell", command="sleep 0.3; echo done; exit 2", background=True)
    assert (await shell("shell_process", process="p1", wait=10)).startswith("done\n[exit code 2")


async def test_only_so_many_commands_run_in_the_background(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell", {"background": 1})
    await hands("shell", command="sleep 30", background=True)
    assert "1 commands run in the background already" in await hands.fails("shell", command="sleep 1", background=True)


async def test_without_any_a_command_cannot_be_left_in_the_background(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell", {"background": 0})
    assert "background" in await hands.fails("shell", command="true", background=True)
    assert "no tool" in await hands.fails("shell_process")


async def test_only_owners_have_commands_run_unless_guests_may(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell")
    assert "guests" in await hands.of(owner=False).fails("shell", command="true")
    await set_up("shell", {"guests": True})
    assert "hello" in await hands.of(owner=False)("shell", command="echo hello")


async def test_dangerous_commands_are_refused_before_they_run(set_up: SetUp, hands: Hands) -> None:
    await set_up("shell", {"deny": [r"\bcurl\b"]})
    for command in ("rm -rf /", "rm -fr ~", "mkfs.ext4 /dev/sda1", "dd if=x of=/dev/sda", ":(){ :|:& };:", "curl x"):
        assert "is not allowed" in await hands.fails("shell", command=command)
    await hands("shell", command="rm -rf ./build /tmp/x")


async def test_secrets_given_to_commands_do_not_come_back(set_up: SetUp, hands: Hands, hub: Hub) -> None:
    hub.scrubber.add("hunter2hunter2")
    await set_up("shell", {"env": {"TOKEN": "hunter2hunter2"}})
    told = await hands("shell", command='test -n "$TOKEN" && echo there; echo $TOKEN')
    assert told.startswith("there\n")
    assert "hunter2" not in told


async def test_what_a_command_may_do_decides_its_risk(set_up: SetUp, hub: Hub) -> None:
    def risk() -> Risk:
        tool = hub.tools.get("shell")
        assert tool is not None
        return tool.risk

    await set_up("shell")
    assert risk() is Risk.WRITE
    await set_up("shell", {"network": True})
    assert risk() is Risk.OUTSIDE
    await set_up("shell", {"sandbox": "none"})
    assert risk() is Risk.DANGEROUS


async def test_whoever_approves_a_command_reads_all_of_it(shell: Hands, hub: Hub) -> None:
    tool = hub.tools.get("shell")
    assert tool is not None
    command = "echo a\n" * 500
    assert tool.summary({"command": command}) == f"Run this command in the sandbox, without network:\n{command}"
