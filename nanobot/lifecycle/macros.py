"""The user's template macros: read at start and after each edit, so that no render waits for the disk."""

from __future__ import annotations

from importlib import import_module

from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

FOLDER = "custom_templates"


async def load_macros(hub: Hub) -> None:
    """Where there are none, and no template yet, the template engine is not even imported: it takes a while."""
    if hub.templates is None and not await in_thread((hub.config_dir / FOLDER).is_dir):
        return
    templates = await in_thread(import_module, "nanobot.templates.template")
    await templates.load_macros(hub)
