"""Macros of the user: ``<config>/custom_templates/**/*.jinja``, for ``{% from 'tools.jinja' import double %}``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, TemplateNotFound

from nanobot.util.text import nearest

FOLDER = "custom_templates"
MAX_SIZE = 5 * 1024 * 1024  # bytes of a file, as in Home Assistant 2025.4

_log = logging.getLogger(__name__)


class Macros(BaseLoader):
    """``folder`` None: there are none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._sources: dict[str, str] | None = None
        self.version = 0

    def get_source(self, environment: Any, template: str) -> tuple[str, str | None, Any]:
        if self._sources is None:
            self.take(read(self.folder))
        sources = self._sources or {}
        source = sources.get(template)
        if source is None:
            near = nearest(template, sources)
            hint = f"; did you mean '{near}'?" if near else ""
            raise TemplateNotFound(template, f"there is no file {FOLDER}/{template}{hint}")
        return source, None, None

    def list_templates(self) -> list[str]:
        return sorted(self._sources or ())

    def take(self, sources: dict[str, str]) -> bool:
        """Use these from now on. True: they are others than before."""
        if sources == self._sources:
            return False
        self._sources = sources
        self.version += 1
        return True


def read(folder: Path | None) -> dict[str, str]:
    """All files of macros by their path in the folder. Called in a thread."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.jinja")) if folder is not None and folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()  # type: ignore[arg-type]
        try:
            if path.stat().st_size > MAX_SIZE:
                _log.error("%s/%s is bigger than %d MiB; it is not read", FOLDER, name, MAX_SIZE >> 20)
                continue
            found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            _log.error("%s/%s cannot be read: %s", FOLDER, name, error)
    return found
