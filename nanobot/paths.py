"""Where the folders that come with nanobot are, and which configuration folder is meant."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parent


def bundled(folder: str) -> Path:
    """A folder that ships with nanobot: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / "_bundled" / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def config_folder(given: Path | None = None) -> Path:
    """What ``--config`` says, else ``$NANOBOT_CONFIG``, else ``~/.nanobot``."""
    return Path(given or os.environ.get("NANOBOT_CONFIG") or Path.home() / ".nanobot").expanduser().absolute()
