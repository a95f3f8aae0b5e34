"""What is packed is what stands in the tree, and it runs from where it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from nanobot import __version__
from nanobot.lifecycle.loader import Loader

ROOT = Path(__file__).parent.parent
CARRIED = ("integrations", "blueprints", "skills", "translations", "config-examples", "requirements")
CACHES = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}


def build(kind: str, source: Path, target: Path) -> Path:
    """Build with the backend that pyproject.toml names."""
    code = f"import hatchling.build as b; print(b.build_{kind}({str(target)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True, text=True)
    return target / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def tree() -> set[str]:
    """The files that a wheel should carry, as they are named in it."""
    found = set()
    for folder in ("nanobot", *CARRIED):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not CACHES.intersection(path.parts) and path.suffix != ".pyc":
                name = path.relative_to(ROOT).as_posix()
                found.add(name if folder == "nanobot" else f"nanobot/_bundled/{name}")
    return found


def packed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.mark.slow
def test_the_wheel_has_what_the_tree_has(wheel: Path) -> None:
    assert packed(wheel) == tree()


@pytest.mark.slow
def test_a_wheel_made_of_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path)
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "source")  # the first Python 3.11 have no filter= yet
    (source,) = (tmp_path / "source").iterdir()
    target = tmp_path / "again"
    target.mkdir()
    assert packed(build("wheel", source, target)) == packed(wheel)


@pytest.mark.slow
def test_an_installed_wheel_runs_and_finds_what_it_carries(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    site = next((home / "lib").glob("python*/site-packages"))
    # the libraries of this environment, without the editable nanobot in it
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(home / "bin" / "python")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", python, "--offline", "--no-deps", "--no-config"]
    subprocess.run([*uv, str(wheel)], check=True, capture_output=True, text=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    command = [str(home / "bin" / "nanobot"), "--version"]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"nanobot {__version__}"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    where = run("-c", "import nanobot; print(nanobot.__file__)")
    assert where.stdout.startswith(str(site)), where.stderr
    assert run("-m", "nanobot", "--version").stdout.strip() == f"nanobot {__version__}"
    for example in ("quickstart", "minimal"):
        folder = site / "nanobot" / "_bundled" / "config-examples" / example
        checked = run("-m", "nanobot", "check", "-c", str(folder))
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_extra_is_what_the_manifest_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    loader = Loader(Path("nowhere"))
    asked = {}
    for domain in loader.names():
        integration = loader.find(domain)
        assert integration is not None
        if integration.manifest.requirements:
            asked[domain] = sorted(integration.manifest.requirements)
    extras = {name: sorted(wanted) for name, wanted in project["optional-dependencies"].items()}
    assert extras == asked
    for name in asked:
        assert (ROOT / "requirements" / f"{name}.txt").is_file(), "run script/lock"


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_lock_files_have_hashes_and_name_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"https?://|file:|--index|--find-links|/home/|/root/", text)
    pinned = re.findall(r"^([A-Za-z0-9_.\[\]-]+)==(\S+)", text, re.MULTILINE)
    assert pinned
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block


def test_the_base_has_no_heavy_library() -> None:
    locked = (ROOT / "requirements" / "base.txt").read_text().lower()
    for heavy in ("litellm", "openai", "slixmpp", "python-telegram-bot", "matrix-nio", "sqlalchemy", "numpy"):
        assert f"\n{heavy}==" not in locked
