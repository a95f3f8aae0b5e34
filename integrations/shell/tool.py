"""The tools: run a command, and look after those in the background."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.hub.hub import Hub

from .denied import denied
from .processes import Process, Processes

LONGEST_COMMAND = 100_000  # characters; what is longer belongs into a file
GENTLY = 2.0  # s that a command has to clean up when it is told to end


class _ShellTool(Tool):
    guards_guests = True

    def __init__(self, hub: Hub, processes: Processes, config: Mapping[str, Any]) -> None:
        self.hub = hub
        self.processes = processes
        self.config = config
        rules = processes.sandbox.rules
        self.timeout = config["timeout"] + 15
        # kept in the sandbox it changes the workspace alone
        self.risk = Risk.OUTSIDE if rules.network else Risk.WRITE
        if processes.sandbox.kind == "none":
            self.risk = Risk.DANGEROUS
        self.untrusted = rules.network

    def _check(self, turn: Turn) -> None:
        if not turn.owner and not self.config["guests"]:
            raise ToolError("Only the people who run nanobot may have commands run; the option 'guests' lets others.")

    def _told(self, process: Process) -> ToolResult:
        text = process.output.text().rstrip()
        data = {"exit_code": process.code, "process": process.name, "ended": process.reason}
        return ToolResult(f"{text}\n{process.outcome()}".lstrip("\n"), data)


class RunCommand(_ShellTool):
    """Its result is what the command printed, and its exit code."""

    name = "shell"

    def __init__(self, hub: Hub, processes: Processes, config: Mapping[str, Any]) -> None:
        super().__init__(hub, processes, config)
        network = "with" if processes.sandbox.rules.network else "without"
        self.description = f"Run a shell command in the workspace folder, {network} network."
        seconds = f"seconds, {config['timeout']:g} at most"
        parameters: dict[vol.Marker, Any] = {
            vol.Required("command"): vol.All(str, vol.Length(min=1, max=LONGEST_COMMAND)),
            vol.Optional("timeout", description=seconds): cv.positive_float,
        }
        if config["background"]:
            parameters[vol.Optional("background", description="go on at once; see shell_process")] = cv.boolean
        self.parameters = vol.Schema(parameters)

    def summary(self, arguments: Mapping[str, Any]) -> str:
        sandbox = self.processes.sandbox
        where = "without a sandbox" if sandbox.kind == "none" else "in the sandbox"
        network = "with network" if sandbox.rules.network or sandbox.kind == "none" else "without network"
        kept = ", in the background" if arguments.get("background") else ""
        return f"Run this command {where}, {network}{kept}:\n{arguments['command']}"

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        self._check(turn)
        command = arguments["command"]
        if "\0" in command:
            raise ToolError("A command cannot hold the character NUL.")
        if part := denied(command, self.config["deny"]):
            raise ToolError(f"{part!r} is not allowed. Do it another way, or tell the person why it is needed.")
        most = self.config["max_output"]
        if arguments.get("background"):
            if self.processes.running >= self.config["background"]:
                raise ToolError(f"{self.processes.running} commands run in the background already; end one first.")
            process = await self.processes.begin(command, timeout=self.config["background_time"], max_output=most)
            return ToolResult(f"Started as {process.name}.", {"process": process.name})
        timeout = min(arguments.get("timeout", self.config["timeout"]), self.config["timeout"])
        process = await self.processes.run(command, timeout=timeout, max_output=most)
        if not process.output.length and process.code == 0 and not process.reason:
            return ToolResult(f"Done, nothing printed ({process.seconds:.1f} s).", {"exit_code": 0})
        return self._told(process)


class ManageProcess(_ShellTool):
    """What a command in the background has printed so far, and its end."""

    name = "shell_process"
    description = "Look at a command in the background, wait for it, or end it; without process: list them."
    parameters = vol.Schema(
        {
            vol.Optional("process", description="such as p1"): str,
            vol.Optional("wait", description="seconds to wait for its end"): cv.positive_float,
            vol.Optional("end"): cv.boolean,
        }
    )

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        self._check(turn)
        name = arguments.get("process")
        if name is None:
            lines = [self._line(process) for each in self.processes.names() if (process := self.processes.get(each))]
            return ToolResult("\n".join(lines) or "There is none.")
        process = self.processes.get(name)
        if process is None:
            there = ", ".join(self.processes.names()) or "none"
            raise ToolError(f"There is no process {name}; there are: {there}.")
        if arguments.get("end"):
            await self.processes.end(process, "ended as you asked", gently=GENTLY)
            await process.ended.wait()
        elif wait := arguments.get("wait"):
            await self._wait(process, min(wait, self.config["timeout"]))
        return self._told(process)

    async def _wait(self, process: Process, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.ended.wait()

    def _line(self, process: Process) -> str:
        first = process.command.splitlines()[0] if process.command.strip() else ""
        return f"{process.name} {process.outcome()} {first[:80]}"
