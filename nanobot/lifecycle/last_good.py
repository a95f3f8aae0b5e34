"""The last good configuration: a copy of its files, for a start with YAML that cannot be read."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

from nanobot.errors import StorageError
from nanobot.storage.files import write_atomically

_log = logging.getLogger(__name__)


class LastGood:
    """``.storage/last_good`` below the configuration folder. Its files are 0600: secrets are among them."""

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = config_dir
        self.folder = config_dir / ".storage" / "last_good"

    def save(self, files: Iterable[Path]) -> None:
        """Make the copy match ``files``. Those outside the configuration folder are not copied.

        A disk that refuses is logged: the configuration is applied all the same. Blocks.
        """
        wanted = {}
        for file in files:
            with contextlib.suppress(ValueError):
                wanted[file.relative_to(self.config_dir)] = file
        try:
            for relative, file in wanted.items():
                copy, text = self.folder / relative, file.read_bytes()
                if not copy.is_file() or copy.read_bytes() != text:
                    write_atomically(copy, text)
            for copy in [c for c in self.folder.rglob("*") if c.is_file()]:
                if copy.relative_to(self.folder) not in wanted:
                    copy.unlink()
        except (OSError, StorageError) as error:
            _log.warning("the last good configuration cannot be kept: %s", error)
