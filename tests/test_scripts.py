"""What the README's commands say when they cannot do their work, and that they touch nothing then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sh", "dirname", "cat", "head", "tail", "rm")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="plain shell")


class Checkout:
    """A copy of what the scripts need, on a machine that has only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "nanobot"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path is not None
            (self.bin / tool).symlink_to(path)
        for part in ("script", "requirements"):
            shutil.copytree(ROOT / part, self.folder / part)
        shutil.copy(ROOT / "pyproject.toml", self.folder)

    def python(self, name: str, condition: str) -> None:
        """A Python that refuses the code for which ``condition`` (shell, ``$2`` is the code) holds."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\nif {condition}; then exit 1; fi\nexec {sys.executable} "$@"\n')
        path.chmod(0o755)

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "script" / "setup", "base"],
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_without_python_it_says_what_to_install(checkout: Checkout) -> None:
    done = checkout.setup()
    assert done.returncode == 2
    assert done.stderr == (
        "nanobot needs Python 3.11 or newer, and none was found.\n"
        "On Debian or Ubuntu: sudo apt-get install python3 python3-venv\n"
    )


def test_an_old_python_is_passed_over(checkout: Checkout) -> None:
    checkout.python("python3", 'case "$2" in *"(3, 11)"*) true;; *) false;; esac')
    assert "none was found" in checkout.setup().stderr
    checkout.python("python3.13", 'case "$2" in *ensurepip*) true;; *) false;; esac')
    done = checkout.setup()
    assert done.returncode == 2
    assert f"{checkout.bin}/python3.13 lacks the module that makes virtual environments.\n" in done.stderr
    assert "sudo apt-get install python3-venv" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_a_wanted_python_that_does_not_fit_is_not_replaced_silently(checkout: Checkout) -> None:
    checkout.python("python3", "false")
    done = checkout.setup(PYTHON="python3.99")
    assert done.returncode == 2
    assert done.stderr == "PYTHON=python3.99 is not there, or is older than Python 3.11.\n"


def test_a_folder_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    checkout.python("python3", "false")
    mine = checkout.folder / "mine" / "file"
    mine.parent.mkdir()
    mine.write_text("precious")
    done = checkout.setup(VENV="mine")
    assert done.returncode == 2
    assert "mine is there, but is no virtual environment." in done.stderr
    assert mine.read_text() == "precious"


@pytest.mark.slow
def test_libraries_that_cannot_be_had_are_said_in_words(checkout: Checkout, tmp_path: Path) -> None:
    checkout.python("python3", "false")
    nowhere = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}
    done = checkout.setup(**nowhere)
    assert done.returncode == 1
    assert "Making the virtual environment .venv with Python 3." in done.stderr
    assert "The libraries could not be installed; why stands above." in done.stderr
    again = checkout.setup(**nowhere)
    assert "Making" not in again.stderr
    assert "The libraries could not be installed" in again.stderr


@pytest.mark.parametrize("script", sorted((ROOT / "script").iterdir()), ids=lambda path: path.name)
def test_scripts_are_plain_shell(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)
