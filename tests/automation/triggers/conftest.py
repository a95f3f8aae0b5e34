"""The bench on which triggers are tried."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.automation.triggers.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Detached after the test; then nothing listens any more."""
    bench = Bench(tmp_path)
    yield bench
    bench.detach()
    hub = bench.hub
    assert hub.states.tracked() == 0
    assert not hub.bus.counts()
    assert len(hub.alarms) == 0
    assert len(hub.sentences) == 0
    assert len(hub.farewells) == 0
    assert not list(hub.webhooks)
