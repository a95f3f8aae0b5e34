"""A configuration folder with a channel, a model, an agent and its tools, all speaking to the test servers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LEDGER = """
'''Ledger: a tool that may never be called twice for one call of the model; what it did stands in ledger.txt.'''

import os
import voluptuous as vol
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.util.aio import in_thread
from tests.trust.kill_points import CALL

CONFIG_SCHEMA = vol.Schema({})


class Ledger(Tool):
    name = "ledger"
    description = "Write a line into the ledger."
    parameters = vol.Schema({vol.Required("line"): str})
    risk = Risk.WRITE

    def __init__(self, path):
        self.path = path

    async def call(self, arguments, turn):
        await in_thread(self.write, f"{CALL.get()} {arguments['line']}\\n")
        return ToolResult("written")

    def write(self, line):
        with self.path.open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


async def setup(hub, entry):
    entry.add(Ledger(hub.config_dir / "ledger.txt"))
"""


def write_integration(folder: Path, domain: str, code: str) -> None:
    """An integration of the user's own."""
    home = folder / "integrations" / domain
    home.mkdir(parents=True, exist_ok=True)
    (home / "__init__.py").write_text(code)
    manifest = {"domain": domain, "name": domain, "documentation": "README.md", "version": "1"}
    (home / "manifest.json").write_text(json.dumps(manifest))


def configuration(telegram: dict[str, Any], model: dict[str, Any], people: Iterable[int], *more: str) -> dict[str, Any]:
    """What stands in ``configuration.yaml`` (JSON is YAML). ``more``: integrations without options."""
    return {
        "telegram": {
            "token": telegram["token"],
            "base_url": telegram["base_url"],
            "base_file_url": telegram["base_file_url"],
            "allow": [str(person) for person in people],
        },
        "openai_compatible": {"base_url": model["base_url"], "model": model["model"]},
        "agent": {"history": 5},
        **dict.fromkeys(more),
    }


def write_configuration(folder: Path, configured: dict[str, Any]) -> None:
    """Replace ``configuration.yaml`` as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "configuration.new"
    new.write_text(json.dumps(configured, indent=1))
    new.replace(folder / "configuration.yaml")
