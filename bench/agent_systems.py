"""The two systems whose agents are compared, each as a process with OpenAI's API: how they are told of the model, how
they are started, and how a session gets a past."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import process

SAID = ("lorem ipsum dolor sit amet " * 15).strip()
"""What each message of a past says."""
CONFIG = """\
default_config:
openai_api:
  concurrent: 1000
openai_compatible:
  base_url: {base_url}
  models: {{main: stub}}
agent:
  model: main
"""
TOKENIZER = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
"""Where tiktoken keeps ``cl100k_base``, with which the peer counts; it would be fetched from the network."""
PEER_SEED = """
import asyncio, json, sys
from loguru import logger
from nanobot import Nanobot

async def main(config, pasts, said):
    logger.remove()
    async with Nanobot.from_config(config) as bot:
        for session, messages in pasts.items():
            roles = ("user", "assistant")
            await bot.sessions.ingest(
                f"api:{session}", [{"role": roles[n % 2], "content": f"{n} {said}"} for n in range(messages)])

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]))
"""


class System(ABC):
    """``folder`` is its own; ``model`` is the address of the scripted model, ending in ``/v1``."""

    name: str
    path = "/v1/chat/completions"
    ready: str
    """A path that is answered when it can be talked to."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self.model = model
        self.server: process.Process | None = None
        self.port = process.free_port()

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.server is not None
        return self.server.pid

    @property
    def headers(self) -> Mapping[str, str]:
        """Of every request."""
        return {}

    @abstractmethod
    def _begin(self) -> process.Process:
        """Start the process."""

    @abstractmethod
    def body(self, session: str, text: str) -> dict[str, Any]:
        """A message in a session that keeps its history there."""

    @abstractmethod
    def seed(self, pasts: Mapping[str, int]) -> None:
        """Give new sessions a past of so many messages, while nothing runs. The session ``first`` has had a turn."""

    def start(self) -> float:
        """Seconds until it can be talked to."""
        server = self.server = self._begin()
        return server.until(lambda: server.answers(self.ready))

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        if self.server is not None:
            self.server.stop()
            self.server = None


class Nanobot(System):
    """This repository, as ``default_config`` sets it up."""

    name = "nanobot"
    ready = "/health/ready"

    def __init__(self, folder: Path, model: str, python: str = sys.executable) -> None:
        super().__init__(folder, model)
        self.python = python
        (folder / "configuration.yaml").write_text(CONFIG.format(base_url=model), encoding="utf-8")
        made = subprocess.run(
            [python, "-m", "nanobot", "token", "create", "-c", str(folder), "--name", "bench", "--quiet"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(process.REPO)},
        )
        self._token = made.stdout.strip()

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _begin(self) -> process.Process:
        return process.Hub(self.folder, port=self.port, python=self.python)

    def body(self, session: str, text: str) -> dict[str, Any]:
        return {"model": "agent", "user": session, "messages": [{"role": "user", "content": text}]}

    def seed(self, pasts: Mapping[str, int]) -> None:
        connection = sqlite3.connect(self.folder / ".storage" / "hub.db")
        first = connection.execute("SELECT session, channel, chat FROM inbox WHERE chat LIKE '%/first'").fetchone()
        now = time.time()
        for name, messages in pasts.items():
            session, channel, chat = (part.replace("/first", f"/{name}") for part in first)
            said = [(f"{name}-{n}", session, channel, chat, f"{n} {SAID}", now + n / 1e4) for n in range(messages // 2)]
            connection.executemany(
                "INSERT INTO inbox (id, session, channel, chat, sender, text, received, outcome, done)"
                " VALUES (?1, ?2, ?3, ?4, 'bench', ?5, ?6, 'answered', ?6)",
                said,
            )
            connection.executemany(
                "INSERT INTO outbox (id, turn, session, channel, chat, text, created, state, ended)"
                " VALUES ('sent' || ?1, ?1, ?2, ?3, ?4, ?5, ?6 + 0.00001, 'sent', ?6)",
                said,
            )
        connection.commit()
        connection.close()


class Peer(System):
    """HKUDS nanobot (``nanobot-ai[api]``) in an environment of its own. It may tell its model a million tokens, so that
    all of a past is told and none of it summed up."""

    name = "peer"
    ready = "/health"

    def __init__(self, folder: Path, model: str, environment: Path) -> None:
        super().__init__(folder, model)
        self._bin = environment.absolute() / "bin"
        self._config = folder / ".nanobot" / "config.json"
        self._config.parent.mkdir()
        defaults = {"workspace": str(folder / "workspace"), "provider": "custom", "model": "stub", "timezone": "UTC"}
        config = {
            "providers": {"custom": {"apiKey": "none", "apiBase": model}},
            "agents": {"defaults": {**defaults, "contextWindowTokens": 1_000_000}},
            "api": {"host": "127.0.0.1", "port": self.port, "timeout": 600},
            "gateway": {"host": "127.0.0.1", "port": process.free_port()},
        }
        self._config.write_text(json.dumps(config), encoding="utf-8")

    def _begin(self) -> process.Process:
        return process.Process([str(self._bin / "nanobot"), "serve"], self._environment(), port=self.port)

    def body(self, session: str, text: str) -> dict[str, Any]:
        return {"session_id": session, "stream": False, "messages": [{"role": "user", "content": text}]}

    def seed(self, pasts: Mapping[str, int]) -> None:
        command = [str(self._bin / "python"), "-c", PEER_SEED, str(self._config), json.dumps(dict(pasts)), SAID]
        subprocess.run(command, check=True, env=self._environment(), cwd=self.folder, stdout=subprocess.DEVNULL)

    def _environment(self) -> dict[str, str]:
        """With a home of its own, and nothing but this machine to talk to."""
        nobody = "http://127.0.0.1:9"
        environment = {"HOME": str(self.folder), "PATH": f"{self._bin}:/usr/bin:/bin", "LANG": "C.UTF-8"}
        environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nobody)
        environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        return environment | ({"TIKTOKEN_CACHE_DIR": str(folder)} if (folder := _tokenizers()) else {})


def _tokenizers() -> Path | None:
    """A folder with the tokenizer: $TIKTOKEN_CACHE_DIR, or in the wheel of litellm, which carries it."""
    if folder := os.environ.get("TIKTOKEN_CACHE_DIR"):
        return Path(folder)
    found = importlib.util.find_spec("litellm")
    folders = found.submodule_search_locations if found else None
    tokenizers = Path(folders[0], "litellm_core_utils", "tokenizers") if folders else None
    return tokenizers if tokenizers and (tokenizers / TOKENIZER).is_file() else None
