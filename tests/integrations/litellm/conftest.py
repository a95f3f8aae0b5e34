"""The real library over real HTTP, before the scripted model server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.contracts.model import Model
from nanobot.testing.plugin import House
from tests.integrations.openai_compatible.conftest import KEY, Stub, house, local, model_server, stub

__all__ = ["KEY", "configure", "house", "local", "model_server", "no_keys", "stub"]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests is used."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configure(house: House, stub: Stub) -> Callable[..., Awaitable[None]]:
    """Configure the model ``local``, and others: ``await configure(timeout=1, models={…})``."""

    async def configure(models: Any = None, **options: Any) -> None:
        options = {"base_url": stub.base_url, "models": models or {"local": "openai/stub-model"}, **options}
        applied = await house.apply(json.dumps({"litellm": options}))  # JSON is YAML
        assert not applied.problems, "\n".join(map(str, applied.problems))

    return configure


def told(house: House, event: str) -> asyncio.Event:
    """Set at the next event of this type."""
    happened = asyncio.Event()
    house.core.listen(event, lambda _: happened.set(), once=True)
    return happened


Configure = Callable[..., Awaitable[None]]
Local = Callable[[], Model]
