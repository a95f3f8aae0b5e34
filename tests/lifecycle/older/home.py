"""Folders as releases of the older nanobot leave them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz0123"
KEY = "sk-or-v1-abcdefghijklmnopqrstuvwxyz012345"
CONFIG: dict[str, Any] = {
    "agents": {"defaults": {"model": "qwen/qwen3-32b", "provider": "auto", "maxToolIterations": 40}},
    "providers": {"anthropic": {"apiKey": ""}, "openrouter": {"apiKey": KEY}},
    "channels": {"sendProgress": True, "telegram": {"enabled": True, "token": TOKEN, "allowFrom": ["42"]}},
}
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "my boat is called Otter", "timestamp": "2026-01-01T10:00:00.100000"},
    {"role": "assistant", "content": "A fine name.", "timestamp": "2026-01-01T10:00:01.100000"},
]


class Older:
    """``path`` is its home. ``workspace`` lies in it unless something else is said."""

    def __init__(self, path: Path, workspace: str = "workspace") -> None:
        self.path = path
        self.workspace = path / workspace
        self.workspace.mkdir(parents=True)

    def config(self, data: Any = None, **more: Any) -> None:
        """``config.json``; text is written as it is."""
        text = data if isinstance(data, str) else json.dumps({**CONFIG, **(data or {}), **more}, indent=2)
        self.write("config.json", text)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file of its home."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def jobs(self, *jobs: dict[str, Any], where: str = "workspace/cron/jobs.json") -> None:
        """``jobs.json``."""
        self.write(where, json.dumps({"version": 1, "jobs": jobs}))

    def session(self, key: str, *rows: dict[str, Any], end: str = "", where: str | None = None, **head: Any) -> Path:
        """A session as 0.3.5 keeps it; ``end`` follows the last line, ``where`` is another place."""
        first = {"_type": "metadata", "key": key, "metadata": {}, "last_archived": 0, **head}
        name = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
        lines = [json.dumps(row) for row in (first, *(rows or TALK))]
        return self.write(where or f"sessions/{'a' * 32}/{name}.jsonl", "\n".join(lines) + "\n" + end)


def job(id_: str, schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One of a chat of Telegram."""
    payload = {"kind": "agent_turn", "message": "What is new?", "sessionKey": "telegram:42"}
    payload |= {"originChannel": "telegram", "originChatId": "42"}
    return {"id": id_, "name": f"Job {id_}", "enabled": True, "schedule": schedule, "payload": payload, **more}
