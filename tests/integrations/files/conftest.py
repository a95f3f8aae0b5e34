"""A workspace, and a secret beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands

SECRET = "the treasure is under the oak"


@pytest.fixture
def workspace(config_dir: Path) -> Path:
    """Where the files of the workspace are; not made yet."""
    (config_dir / "secrets.yaml").write_text(f"treasure: {SECRET}\n")
    return config_dir / "workspace"


@pytest.fixture
async def files(workspace: Path, set_up: SetUp, hands: Hands) -> Hands:
    """The tools of ``files:`` as it is without options."""
    await set_up("files")
    return hands
