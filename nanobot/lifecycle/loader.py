"""Finds integrations in their two homes, the user's first, and imports them."""

from __future__ import annotations

import importlib
import importlib.machinery
import logging
import os
import re
import sys
import traceback
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, ClassVar

import voluptuous as vol

from nanobot.config.problem import Problem
from nanobot.lifecycle import manifest as manifests
from nanobot.lifecycle.manifest import BrokenIntegration, Manifest
from nanobot.paths import bundled
from nanobot.util import translate

PACKAGE = "integrations"
_DOMAIN = re.compile(r"[a-z_][a-z0-9_]*")
_log = logging.getLogger(__name__)

Fingerprint = frozenset[tuple[str, int, int, int]]
"""Path, size, modification time in ns and inode of each file of an integration."""


class _FromSource(SourceFileLoader):
    """Ignores bytecode: two saves within a second may leave a .pyc that looks fresh and is not."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Integration:
    """One integration on disk. ``custom``: it lies in the user's folder."""

    def __init__(self, manifest: Manifest, folder: Path, *, custom: bool) -> None:
        self.manifest = manifest
        self.folder = folder
        self.custom = custom

    @property
    def domain(self) -> str:
        """Its name, and that of its folder."""
        return self.manifest.domain

    def module(self) -> ModuleType:
        """Import it. May take long; call it in a thread. Raises ``BrokenIntegration``."""
        name = f"{PACKAGE}.{self.domain}"
        try:
            module = importlib.import_module(name)
        except Exception as error:  # whatever stands in a module may be raised by importing it
            _drop(self.domain)
            raise BrokenIntegration(self._problem(error)) from error
        if not hasattr(module, "setup") and not self.manifest.dependencies:
            raise BrokenIntegration(
                Problem("setup_missing", {"domain": self.domain}, file=f"{PACKAGE}/{self.domain}/__init__.py")
            )
        return module

    def schema(self) -> vol.Schema | None:
        """The schema of its options, None when it takes none. Raises ``BrokenIntegration``."""
        return getattr(self.module(), "CONFIG_SCHEMA", None)

    def fingerprint(self) -> Fingerprint:
        """Changes when any file of its code does."""
        found = []
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".pyc", ".md") or "__pycache__" in path.parts or not path.is_file():
                continue
            stat = path.stat()
            found.append((str(path.relative_to(self.folder)), stat.st_size, stat.st_mtime_ns, stat.st_ino))
        return frozenset(found)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, SyntaxError):
            place, line, text = error.filename, error.lineno, f"{error.msg}"
        else:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if str(self.folder) in f.filename]
            place, line = (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
            text = f"{type(error).__name__}: {error}"
        file = f"{PACKAGE}/{self.domain}/__init__.py"
        if place and place.startswith(str(self.folder)):
            file = f"{PACKAGE}/{self.domain}/{Path(place).relative_to(self.folder)}"
        return Problem("integration_broken", {"domain": self.domain, "error": text}, file=file, line=line)


class Loader:
    """The catalogue of integrations. ``config_dir/integrations`` comes before the bundled ones."""

    _mounted: ClassVar[tuple[Path, list[tuple[Path, list[str]]]] | None] = None
    _words: ClassVar[list[translate.Folder]] = []
    """Where the translations are that the last one mounted: there is one hub in a process at a time."""

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = config_dir
        self.homes = [(config_dir / PACKAGE, True), (bundled(PACKAGE), False)]
        self._found: dict[str, Integration | BrokenIntegration | None] = {}
        self._warned: set[str] = set()
        self._imported: dict[str, Fingerprint] = {}

    def mount(self) -> None:
        """Make ``import integrations.<domain>`` look into both homes. One hub per process."""
        package = sys.modules.get(PACKAGE)
        if package is None or getattr(package, "__file__", None) is not None:
            package = sys.modules[PACKAGE] = ModuleType(PACKAGE)
        wanted = [str(folder) for folder, _ in self.homes]
        if list(getattr(package, "__path__", ())) != wanted:
            for domain in _imported_domains():
                folder = Path(getattr(sys.modules[f"{PACKAGE}.{domain}"], "__file__", None) or "")
                if not folder.is_relative_to(self.homes[1][0]):
                    _drop(domain)
        package.__path__ = wanted
        _read_from_source(self.homes[0][0])
        found = (self.config_dir, [(folder, _names(folder)) for folder, _ in reversed(self.homes)])
        if found == Loader._mounted:
            translate.reload()
        else:
            words: list[translate.Folder] = [(None, bundled("translations")), (None, self.config_dir / "translations")]
            words += [(name, folder / name) for folder, names in found[1] for name in names]
            translate.unmount(folder for folder in Loader._words if folder not in words)
            translate.mount(words)
            Loader._mounted, Loader._words = found, words
        importlib.invalidate_caches()

    def names(self) -> list[str]:
        """The domains that can be configured."""
        found = {name for folder, _ in self.homes for name in _names(folder)}
        return sorted(name for name in found if not self._hidden(name))

    def find(self, domain: str) -> Integration | None:
        """The integration of that name, None when there is none. Raises ``BrokenIntegration``."""
        if domain not in self._found:
            self._found[domain] = self._look(domain)
        found = self._found[domain]
        if isinstance(found, BrokenIntegration):
            raise found
        return found

    def merge_of(self, domain: str) -> str | None:
        """How labelled keys of a domain are merged into one entry, or None."""
        try:
            found = self.find(domain)
        except BrokenIntegration:
            return None
        return found.manifest.merge if found else None

    def blueprints_of(self, domain: str) -> tuple[str, ...] | None:
        """What the blueprints of a domain may stand for, nothing when that is said nowhere; None: it has none."""
        try:
            found = self.find(domain)
        except BrokenIntegration:
            return None
        if found is None or not found.manifest.blueprints:
            return None
        return found.manifest.blueprints if isinstance(found.manifest.blueprints, tuple) else ()

    def refresh(self) -> dict[str, dict[str, ModuleType]]:
        """Look at the disk again. Code of the user's integrations that changed since its import is taken out, so that
        the next import reads it anew; gives back what was taken out, by domain."""
        self._found.clear()
        self.mount()
        taken = {}
        for domain in _imported_domains():
            try:
                integration = self.find(domain)
            except BrokenIntegration:
                integration = None
            known = self._imported.get(domain)
            custom = integration is not None and integration.custom
            present = integration.fingerprint() if integration is not None and custom else Fingerprint()
            if known is None:
                self._imported[domain] = present
            elif known != present:
                self._imported[domain] = present
                taken[domain] = _drop(domain)
        if taken:
            importlib.invalidate_caches()
        return taken

    def remember(self, domain: str) -> None:
        """Note the state of the code that was just imported."""
        integration = self.find(domain)
        custom = integration is not None and integration.custom
        self._imported[domain] = integration.fingerprint() if custom and integration else frozenset()

    def put_back(self, domain: str, modules: dict[str, ModuleType]) -> None:
        """Undo ``refresh`` for one domain: its new code does not work."""
        _drop(domain)
        sys.modules.update(modules)

    def _look(self, domain: str) -> Integration | BrokenIntegration | None:
        if not _DOMAIN.fullmatch(domain):
            return None
        for folder, custom in self.homes:
            if not _is_folder(folder / domain) or domain == "__pycache__":
                continue
            if custom and _is_folder(self.homes[1][0] / domain) and domain not in self._warned:
                self._warned.add(domain)
                _log.warning("your own integration %s takes the place of the one that comes with nanobot", domain)
            try:
                return Integration(manifests.read(folder / domain), folder / domain, custom=custom)
            except BrokenIntegration as error:
                return error
        return None

    def _hidden(self, domain: str) -> bool:
        try:
            found = self.find(domain)
        except BrokenIntegration:
            return False
        return found is None or found.manifest.hidden


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # its parent may not be looked into
        return False


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(
                one.name for one in found if _DOMAIN.fullmatch(one.name) and one.name != "__pycache__" and one.is_dir()
            )
    except OSError:
        return []


def _imported_domains() -> list[str]:
    prefix = f"{PACKAGE}."
    return [name[len(prefix) :] for name in list(sys.modules) if name.startswith(prefix) and name.count(".") == 1]


def _drop(domain: str) -> dict[str, ModuleType]:
    name = f"{PACKAGE}.{domain}"
    taken = {m: sys.modules.pop(m) for m in list(sys.modules) if m == name or m.startswith(f"{name}.")}
    package = sys.modules.get(PACKAGE)
    if package is not None and hasattr(package, domain):
        delattr(package, domain)
    return taken


def _read_from_source(home: Path) -> None:
    """Have everything below the user's folder compiled anew at each import."""
    for known in list(sys.path_hooks):
        if getattr(known, "nanobot_home", None) is not None:
            sys.path_hooks.remove(known)
    for entry in list(sys.path_importer_cache):
        if entry.startswith(str(home)):
            del sys.path_importer_cache[entry]

    def hook(entry: str) -> Any:
        if not Path(entry).is_relative_to(home):
            raise ImportError
        return FileFinder(entry, (_FromSource, importlib.machinery.SOURCE_SUFFIXES))

    hook.nanobot_home = home  # type: ignore[attr-defined]
    sys.path_hooks.insert(0, hook)
