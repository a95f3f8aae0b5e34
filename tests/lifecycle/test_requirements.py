"""Libraries of integrations: what is missing, how it is installed, and what a person reads when that fails."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from packaging.specifiers import SpecifierSet

from nanobot.errors import ConfigError, NotReady
from nanobot.lifecycle import requirements


def wheel(folder: Path, name: str, version: str) -> str:
    """Make a tiny wheel; gives back its sha256."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = []
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        records.append(f"{file},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is the only place to install from, and an environment to install into."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    uv = subprocess.run(
        [sys.executable, "-c", "import uv; print(uv.find_uv_bin())"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (home / "bin" / "uv").symlink_to(uv)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    # this process has none of these libraries whatever is installed over there
    monkeypatch.setattr(requirements, "missing", list)
    return folder


def has(shop: Path, name: str) -> bool:
    return any((shop.parent / "env").glob(f"lib/python*/site-packages/{name}.py"))


@pytest.mark.parametrize(
    ("wanted", "lacking"),
    [
        (["pytest"], []),
        (["pytest>=1"], []),
        (["pytest==0.0.1"], ["pytest==0.0.1"]),
        (["no-such-library-anywhere"], ["no-such-library-anywhere"]),
        (["no-such-library-anywhere; python_version < '3'"], []),
        (["PyYAML>=5", "Jinja2"], []),
    ],
)
def test_what_is_missing_is_told(wanted: list[str], lacking: list[str]) -> None:
    assert requirements.missing(wanted) == lacking


@pytest.mark.parametrize("version", ["1", "1.0", "1.0.1", "1.10", "2.0.0", "2.0rc1", "1.0.post1", "1!1.0"])
@pytest.mark.parametrize(
    "conditions",
    ["", "==1.0", "==1.0.0,<5", ">=1.0,<2", "<2", "<= 1.0.1", ">1", ">=1.2 , <1.10", "~=1.0", "==1.*", "!=1.0"],
)
def test_the_quick_answer_is_that_of_the_whole_library(
    monkeypatch: pytest.MonkeyPatch, version: str, conditions: str
) -> None:
    found = SimpleNamespace(version=version, requires=[])
    monkeypatch.setattr(metadata, "version", lambda name: version)
    monkeypatch.setattr(metadata, "distribution", lambda name: found)
    fits = SpecifierSet(conditions).contains(version, prereleases=True)
    assert requirements.missing([f"tinylib{conditions}"]) == ([] if fits else [f"tinylib{conditions}"])


def test_what_is_no_requirement_is_refused() -> None:
    with pytest.raises(ConfigError, match="manifest.json: '=1.0' is not a requirement; write it like 'name==1.0'"):
        requirements.missing(["=1.0"])


@pytest.mark.slow
async def test_a_users_library_is_installed_as_it_is_written(shop: Path) -> None:
    wheel(shop, "tinylib", "1.0")
    said: list[str] = []
    await requirements.install("mine", ["tinylib==1.0"], custom=True, progress=said.append)
    assert has(shop, "tinylib")
    assert said[0] == "installing tinylib==1.0"
    assert said[-1] == "installed tinylib==1.0"


@pytest.mark.slow
async def test_a_bundled_library_comes_with_the_locked_hash_or_not_at_all(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = wheel(shop, "tinylib", "1.0")
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setattr(requirements, "bundled", lambda folder: locks)
    (locks / "thing.txt").write_text(f"tinylib==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(NotReady, match="could not be installed") as caught:
        await requirements.install("thing", ["tinylib==1.0"], custom=False, progress=lambda text: None)
    assert "--require-hashes" in str(caught.value)
    assert not has(shop, "tinylib")
    (locks / "thing.txt").write_text(f"tinylib==1.0 --hash=sha256:{digest}\n")
    await requirements.install("thing", ["tinylib==1.0"], custom=False, progress=lambda text: None)
    assert has(shop, "tinylib")


@pytest.mark.slow
async def test_installing_does_not_hold_up_the_hub(shop: Path) -> None:
    wheel(shop, "tinylib", "1.0")
    gaps, done = [], asyncio.Event()

    async def beat() -> None:
        loop = asyncio.get_running_loop()
        while not done.is_set():
            before = loop.time()
            await asyncio.sleep(0.01)
            gaps.append(loop.time() - before - 0.01)

    beating = asyncio.create_task(beat())
    await requirements.install("mine", ["tinylib==1.0"], custom=True, progress=lambda text: None)
    done.set()
    await beating
    assert max(gaps) < 0.25


def test_without_uv_pip_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    command = requirements.command_for("mine", ["a b==1"], custom=True)
    assert command == f"{tmp_path}/python -m pip install --disable-pip-version-check --no-input 'a b==1'"


def test_an_extra_is_there_when_its_libraries_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "tinylib-1.0.dist-info"
    info.mkdir()
    needs = "Provides-Extra: old\nRequires-Dist: pytest; extra == 'old'\nProvides-Extra: far\n"
    needs += "Requires-Dist: no-such-library-anywhere; extra == 'far'\nRequires-Dist: nor-this; python_version < '3'\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n{needs}")
    monkeypatch.syspath_prepend(tmp_path)
    assert requirements.missing(["tinylib==1.0", "tinylib[old]==1.0"]) == []
    assert requirements.missing(["tinylib[far]==1.0"]) == ["tinylib[far]==1.0"]


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A ``uv`` that does what ``script`` says, for an environment in ``folder``."""
    uv = folder / "uv"
    uv.write_text(f"#!/bin/sh\n{script}\n")
    uv.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(requirements, "missing", list)


async def test_a_cancelled_installation_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer(tmp_path, monkeypatch, f"sleep 600 & echo $! > {tmp_path}/child; echo begun; wait")
    begun = asyncio.Event()
    work = asyncio.create_task(
        requirements.install(
            "mine", ["a==1"], custom=True, progress=lambda text: begun.set() if text == "begun" else None
        )
    )
    async with asyncio.timeout(10):
        await begun.wait()
        child = int((tmp_path / "child").read_text())
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def test_what_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer(tmp_path, monkeypatch, "sleep 600")
    monkeypatch.setattr(requirements, "LIMIT", 0.1)
    with pytest.raises(
        NotReady, match=r"needs a==1, which could not be installed \(not done after 0.1 s\); by hand: /"
    ):
        await requirements.install("mine", ["a==1"], custom=True, progress=lambda text: None)


async def test_the_error_repeats_the_last_words_of_the_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer(tmp_path, monkeypatch, "echo 'no route to host' >&2; exit 2")
    with pytest.raises(NotReady, match=r"could not be installed \(no route to host\)"):
        await requirements.install("mine", ["a==1"], custom=True, progress=lambda text: None)


async def test_installations_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = f"mkdir {tmp_path}/busy || exit 9; sleep 0.05; rmdir {tmp_path}/busy"
    installer(tmp_path, monkeypatch, busy)
    monkeypatch.setattr(requirements, "PATIENCE", 0.01)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(requirements.install("mine", [f"a=={number}"], custom=True, progress=lambda text: None))
