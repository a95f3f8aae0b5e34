"""Everything that is open, from all who can see something."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nanobot.config.check import Checked, EntryConfig, check
from nanobot.config.load import MAIN, Unreadable, load
from nanobot.contracts.audit import Finding
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.manifest import BrokenIntegration
from nanobot.util.secrets import Scrubber
from nanobot.util.translate import translate

from .folder import of_folder
from .opening import SEVERITIES, Opening
from .plain import plain_secrets
from .tokens import of_tokens

_log = logging.getLogger(__name__)


def look(config_dir: Path, loader: Loader, language: str, now: float) -> list[Opening]:
    """All that is open, the worst first. Blocks: it reads the folder and imports what is configured."""
    found: list[Opening] = []
    scrubber = Scrubber()
    try:
        checked = check(load(config_dir, merge_of=loader.merge_of, blueprints_of=loader.blueprints_of), loader)
    except Unreadable:
        found.append(Opening("error", "unreadable", translate("audit.unreadable", language), MAIN))
    else:
        scrubber.add(*checked.secrets)
        found += _of_entries(checked, loader, language)
        found += _unused(config_dir, checked, loader, language)
    found += of_folder(config_dir, language)
    found += of_tokens(config_dir, language, now)
    shown = (_scrubbed(one, scrubber) for one in found)
    return sorted(shown, key=lambda one: (SEVERITIES.index(one.severity), one.file or "~", one.line or 0))


def _of_entries(checked: Checked, loader: Loader, language: str) -> Iterator[Opening]:
    for entry in checked.entries.values():
        if not entry.ok:
            continue
        for finding in _asked(entry, loader):
            file, line = checked.loaded.locate((entry.id, *finding.path))
            text = translate(f"component.{entry.domain}.audit.{finding.key}", language, **finding.given)
            yield Opening(finding.severity, f"{entry.domain}.{finding.key}", text, file, line, entry.id)
        for path in plain_secrets(entry.raw, entry.config):
            file, line = checked.loaded.locate((entry.id, *path))
            name = str(path[-1]) if path else entry.id
            text = translate("audit.plain_secret", language, name=name, entry=entry.id)
            yield Opening("warning", "plain_secret", text, file, line, entry.id)


def _asked(entry: EntryConfig, loader: Loader) -> Iterable[Finding]:
    try:
        integration = loader.find(entry.domain)
        audit: Any = getattr(integration.module(), "audit", None) if integration is not None else None
        return [] if audit is None else list(audit(entry.config))
    except BrokenIntegration:
        return []
    except Exception:  # a fault of one integration does not hide what the others say
        _log.exception("%s cannot say what it leaves open", entry.domain)
        return []


def _unused(config_dir: Path, checked: Checked, loader: Loader, language: str) -> Iterator[Opening]:
    """Code in the user's folder that no key of the configuration asks for."""
    home = config_dir / "integrations"
    used = {entry.domain for entry in checked.entries.values()}
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if (folder / "manifest.json").is_file() and folder.name not in used and not folder.name.startswith("_"):
            text = translate("audit.unused", language, domain=folder.name)
            yield Opening("info", "unused", text, f"integrations/{folder.name}")


def _scrubbed(one: Opening, scrubber: Scrubber) -> Opening:
    return Opening(one.severity, one.key, scrubber.scrub(one.text), one.file, one.line, one.entry)
