"""Files that Python executes at each start and that nobody answers for.

A release of litellm that was not its makers' stole credentials that way (BerriAI/litellm issue 24518): with a ``.pth``
file in the folder of the installed packages. Its lines that begin with ``import`` are executed by every Python process
of the environment, whether or not anything of the package is ever used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

HARMLESS = frozenset({"_virtualenv.pth"})
"""Made together with an environment, by virtualenv and uv."""
SUSPECT = "litellm"
"""A package that has no need for such a file; one of its own is as bad as one of nobody's."""


def strangers(folders: Iterable[str] | None = None) -> list[str]:
    """Paths of such files that no installed package owns. ``folders``: by default those that packages are installed in.

    Folders of the system's own packages are left out: they keep no record of who owns what.
    """
    paths = sys.path if folders is None else folders
    return [str(file) for path in paths if (folder := Path(path)).name == "site-packages" for file in _in(folder)]


def _in(folder: Path) -> list[Path]:
    found = [file for file in sorted(folder.glob("*.pth")) if file.name not in HARMLESS and _executes(file)]
    return [file for file in found if not _has_owner(file)]


def _executes(file: Path) -> bool:
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.startswith(("import ", "import\t")) for line in lines)


def _has_owner(file: Path) -> bool:
    for record in file.parent.glob("*.dist-info/RECORD"):
        if record.parent.name.startswith(f"{SUSPECT}-"):
            continue
        try:
            lines = record.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        if any(line.startswith(f"{file.name},") for line in lines):
            return True
    return False
