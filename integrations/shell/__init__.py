"""Shell: commands that an agent runs in the workspace, in a sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.audit import Finding
from nanobot.errors import NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .processes import Processes
from .sandbox import KINDS, Rules, Unusable, choose
from .tool import ManageProcess, RunCommand

MB = 1024 * 1024


def pattern(value: Any) -> re.Pattern[str]:
    """A regular expression for a part of a command."""
    try:
        return re.compile(cv.string(value))
    except re.error as error:
        raise vol.Invalid(f"this is no regular expression: {error}") from error


_SECONDS = vol.All(cv.positive_float, vol.Range(min=1))
CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("sandbox", default="auto"): cv.one_of("auto", *KINDS),
        vol.Optional("network", default=False): cv.boolean,
        vol.Optional("guests", default=False): cv.boolean,
        vol.Optional("workspace"): cv.string,
        vol.Optional("read", default=list): vol.All(cv.ensure_list, [cv.existing_folder]),
        vol.Optional("write", default=list): vol.All(cv.ensure_list, [cv.existing_folder]),
        vol.Optional("env", default=dict): {cv.string: vol.Any(cv.secret)},
        vol.Optional("deny", default=list): vol.All(cv.ensure_list, [pattern]),
        vol.Optional("timeout", default=60): vol.All(_SECONDS, vol.Range(max=3600)),
        vol.Optional("background", default=4): vol.All(cv.whole_number, vol.Range(min=0, max=50)),
        vol.Optional("background_time", default=3600): vol.All(_SECONDS, vol.Range(max=7 * 86400)),
        vol.Optional("max_output", default=16_000): vol.All(cv.whole_number, vol.Range(min=200, max=200_000)),
        vol.Optional("max_processes", default=128): vol.All(cv.whole_number, vol.Range(min=4)),
        vol.Optional("max_memory", default=1024 * MB): vol.All(cv.size, vol.Range(min=16 * MB)),
        vol.Optional("max_file", default=1024 * MB): vol.All(cv.size, vol.Range(min=1)),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    config = entry.config
    workspace = hub.workspaces.get(config["workspace"]) if "workspace" in config else next(iter(hub.workspaces), None)
    if "workspace" in config and (workspace is None or workspace.folder is None):
        raise NotReady(f"there is no workspace named {config['workspace']} with a folder on this machine")
    folder = (workspace.folder if workspace else None) or hub.config_dir / "workspace"
    rules = Rules.of(config, folder)
    try:
        sandbox = await in_thread(choose, config["sandbox"], rules)
    except Unusable as error:
        raise NotReady(str(error)) from error
    if sandbox.kind == "none":
        entry.log.warning("commands run without a sandbox: they can do whatever nanobot's account can do")
    processes = entry.data = Processes(entry, sandbox)
    entry.on_unload(processes.end_all)
    entry.add(RunCommand(hub, processes, config))
    if config["background"]:
        entry.add(ManageProcess(hub, processes, config))


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = {"agents run commands in the workspace"}
    if config["sandbox"] == "none":
        found.add("the commands of agents run without a sandbox")
    if config["network"]:
        found.add("the commands of agents reach the network")
    if config["guests"]:
        found.add("whoever may write to nanobot has commands run")
    found |= {f"the commands of agents read {path}" for path in config["read"]}
    return found | {f"the commands of agents write {path}" for path in config["write"]}


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    found = []
    if config["sandbox"] == "none":
        found.append(Finding("no_sandbox", "error", ("sandbox",)))
    if config["guests"]:
        found.append(Finding("guests", "error", ("guests",)))
    if config["network"]:
        found.append(Finding("network", "warning", ("network",)))
    if config["write"]:
        found.append(Finding("write", "warning", ("write",), {"folders": ", ".join(map(str, config["write"]))}))
    return found
