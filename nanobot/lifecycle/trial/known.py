"""Which entities and services a configuration brings, as far as that is certain without starting it."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

from nanobot.config.check import Checked
from nanobot.lifecycle.advice import Known, known_of, self_contained
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.plan import complete
from nanobot.lifecycle.trial.loop import run
from nanobot.lifecycle.trial.stage import acts, staged

MAKING = ("create", "set")
"""Services that make new entities of their domain: what there is in it is never certain."""


def known_without_hub(checked: Checked, loader: Loader) -> Known:
    """Sets up what acts within the hub alone, and looks. Blocks; not for a thread with an event loop."""
    ours = self_contained(loader)
    configured = {entry.domain for entry in complete(checked, loader).values()}
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what goes wrong here has been told by the check, or is seen when it runs
    try:
        with tempfile.TemporaryDirectory(prefix="nanobot-check-") as folder:
            found = run(_look(checked, loader, Path(folder)))
    except Exception:  # code of integrations runs here; a check without these warnings is better than none
        return Known((), {}, domains=(), elsewhere=configured)
    finally:
        logging.disable(level)
    making = {name.partition(".")[0] for name in found.services if name.partition(".")[2] in MAKING}
    return Known(found.entities, found.services, domains=ours - making, elsewhere=configured - ours)


async def _look(checked: Checked, loader: Loader, folder: Path) -> Known:
    async with staged(folder, loader, checked, time.time()) as stage:
        for entry in checked.entries.values():
            if acts(entry.domain, loader) and entry.ok:
                await stage.bring(entry)
        return known_of(stage.hub)
