"""Words for people, in their language, from the JSON files of the mounted folders.

A key is a path through nested mappings, ``problem.unknown_option``. Those of an integration begin with
``component.<domain>.``. What is missing in a language is taken from English; a key that is nowhere stays as it is.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FALLBACK = "en"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_log = logging.getLogger(__name__)

Folder = tuple[str | None, Path]
"""The integration it belongs to, None for the core, and where it is: the folder of the integration, or that with the
core's JSON files themselves."""


class Words:
    """The texts of some folders, read when they are first asked for. Later folders win over earlier ones."""

    def __init__(self) -> None:
        self._folders: list[Folder] = []
        self._texts: dict[tuple[str | None, str], Mapping[str, Any]] = {}

    def mount(self, folders: Iterable[Folder]) -> None:
        """Add folders; one that is known already moves to the end."""
        new = list(folders)
        if self._folders[-len(new) :] == new:
            return
        for folder in new:
            if folder in self._folders:
                self._folders.remove(folder)
            self._folders.append(folder)
        self._texts.clear()

    def unmount(self, folders: Iterable[Folder]) -> None:
        """Take folders away again."""
        gone = list(folders)
        self._folders = [folder for folder in self._folders if folder not in gone]
        self._texts.clear()

    def reload(self) -> None:
        """Read the files anew when they are next asked for."""
        self._texts.clear()

    def find(self, key: str, language: str) -> Any:
        """The text or the mapping of texts under ``key``, None when there is none in this language."""
        domain, path = None, key.split(".")
        if path[0] == "component" and len(path) > 2:
            domain, path = path[1], path[2:]
        found: Any = self._of(domain, language)
        for step in path:
            if not isinstance(found, Mapping) or step not in found:
                return None
            found = found[step]
        return found

    def translate(self, key: str, language: str, placeholders: Mapping[str, object]) -> str:
        """The text under ``key`` with ``{placeholders}`` filled in."""
        for wanted in _languages(language):
            text = self.find(key, wanted)
            if isinstance(text, str):
                # One pass: what a value holds is never taken for a placeholder.
                return _PLACEHOLDER.sub(lambda name: str(placeholders.get(name[1], name[0])), text)
        return key

    def _of(self, domain: str | None, language: str) -> Mapping[str, Any]:
        if (domain, language) not in self._texts:
            merged: dict[str, Any] = {}
            for owner, folder in list(self._folders):
                if owner == domain:
                    _merge(merged, _read((folder if owner is None else folder / "translations") / f"{language}.json"))
            self._texts[domain, language] = merged
        return self._texts[domain, language]


def _languages(language: str) -> Iterable[str]:
    """``pt-BR``, then ``pt``, then English."""
    yield language
    if "-" in language:
        yield language.split("-", 1)[0]
    if language != FALLBACK:
        yield FALLBACK


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        _log.warning("the translations in %s cannot be read: %s", path, error)
        return {}
    return data if isinstance(data, dict) else {}


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


_WORDS = Words()
mount = _WORDS.mount
unmount = _WORDS.unmount
reload = _WORDS.reload
find = _WORDS.find


def translate(key: str, language: str = FALLBACK, /, **placeholders: object) -> str:
    """The text under ``key`` in ``language``, in English, or the key itself."""
    return _WORDS.translate(key, language, placeholders)
