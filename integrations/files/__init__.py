"""Files: tools with which an agent reads, writes and edits files of one folder, its workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.audit import Finding, Severity
from nanobot.errors import ConfigError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .tool import tools
from .workspace import FileWorkspace, Rules

MB = 1024 * 1024
OWN_FOLDER = "workspace"
CLOSED = ("integrations", "media", "memory", "prompts", "skills")
"""Folders of the configuration that are no workspace: what runs or is obeyed when it is written, what others have sent,
and what they have told."""

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("folder"): cv.string,
        vol.Optional("read_only", default=False): cv.boolean,
        vol.Optional("guests", default="nothing"): cv.one_of("nothing", "read", "write"),
        vol.Optional("max_bytes", default=5 * MB): vol.All(cv.size, vol.Range(min=1, max=100 * MB)),
        vol.Optional("max_total"): cv.size,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    if os.open not in os.supports_dir_fd:
        raise ConfigError("this system cannot open files step by step, and without that nothing keeps them apart")
    folder = await in_thread(partial(_folder, hub.config_dir, entry.config.get("folder")))
    workspace = entry.data = FileWorkspace(hub, entry.id, folder, _rules(entry.config))
    entry.add(workspace)
    for tool in tools(workspace):
        entry.add(tool)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """Limits and guests change in place; another folder, or other tools, need a restart."""
    if any(config.get(key) != entry.config.get(key) for key in ("folder", "read_only")):
        return False
    entry.data.rules = _rules(config)
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    folder = config.get("folder", OWN_FOLDER)
    found = {f"agents read the files in {folder}"}
    if not config["read_only"]:
        found.add(f"agents write files in {folder}")
    if config["guests"] != "nothing":
        found.add(f"whoever may write to nanobot has files in {folder} read")
    if config["guests"] == "write" and not config["read_only"]:
        found.add(f"whoever may write to nanobot has files in {folder} written")
    return found


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    found = []
    if config["guests"] != "nothing":
        severity: Severity = "error" if config["guests"] == "write" else "warning"
        found.append(Finding("guests", severity, ("guests",), {"how": config["guests"]}))
    folder = Path(config.get("folder", OWN_FOLDER)).expanduser()
    if folder.is_absolute():
        how = "read" if config["read_only"] else "write"
        found.append(Finding("outside", "warning", ("folder",), {"folder": folder, "how": how}))
    return found


def _rules(config: Mapping[str, Any]) -> Rules:
    """A folder of the user's own is as large as they like, unless they say otherwise."""
    default = None if "folder" in config else 200 * MB
    return Rules(config["read_only"], config["guests"], config["max_bytes"], config.get("max_total", default))


def _folder(config_dir: Path, given: str | None) -> Path:
    """Raises ``ConfigError`` for a folder through which an agent would get at the configuration or at code."""
    folder = config_dir / Path(given or OWN_FOLDER).expanduser()
    home, real = config_dir.resolve(), folder.resolve()
    if home.is_relative_to(real):
        raise ConfigError(f"folder: {given} holds the configuration itself; name a folder inside of it or elsewhere")
    if real.is_relative_to(home):
        top = real.relative_to(home).parts[0]
        if top.startswith(".") or top in CLOSED:
            raise ConfigError(f"folder: {top} in the configuration folder is closed to agents; name another one")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"folder: {given or OWN_FOLDER} is not a folder")
    if given and real.parent != home and not real.parent.is_dir():
        raise ConfigError(f"folder: {real.parent} is not there; make it, or name another folder")
    return folder
