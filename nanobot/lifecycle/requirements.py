"""The libraries of integrations: which are missing, and how they come here, with the hashes that were locked.

``requirements/<domain>.txt`` is the lock file of a bundled integration. A user's own integration has none: what it
asks for is installed as it is written, and only when the person says so.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from nanobot.errors import NotReady
from nanobot.paths import bundled

INSTALL_LIMIT = 900.0  # s for one integration's libraries, on a slow line
_LAST_LINES = 3  # of what the installer printed, in the error

_ONE_AT_A_TIME = asyncio.Lock()  # installers do not share an environment well


def missing(requirements: Iterable[str]) -> list[str]:
    """Those that are not installed in a version that fits. Reads metadata from disk: call it in a thread.

    Raises ``ValueError`` for what is no requirement (PEP 508).
    """
    from packaging.requirements import InvalidRequirement, Requirement  # only where something is required

    lacking = []
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            raise ValueError(f"'{text}' is no requirement: {error}") from error
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(text)
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            lacking.append(text)
    return lacking


def command_for(domain: str, requirements: Iterable[str], *, custom: bool) -> str:
    """What a person types to install them."""
    return shlex.join(_command(domain, requirements, custom=custom))


async def install(domain: str, requirements: list[str], *, custom: bool, progress: Callable[[str], None]) -> None:
    """Install the libraries of an integration in a process of its own, one integration at a time.

    ``progress`` is told in sentences. Raises ``NotReady`` with the command to do it by hand.
    """
    command = _command(domain, requirements, custom=custom)
    async with _ONE_AT_A_TIME:
        if not await asyncio.to_thread(missing, requirements):
            return
        progress(f"installing {', '.join(requirements)}")
        error = await _run(command, progress)
        importlib.invalidate_caches()
    if error is not None:
        by_hand = shlex.join(command)
        raise NotReady(f"needs {', '.join(requirements)}, which could not be installed ({error}); by hand: {by_hand}")
    progress(f"installed {', '.join(requirements)}")


async def _run(command: list[str], progress: Callable[[str], None]) -> str | None:
    """Run the installer; why it failed, or None."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(INSTALL_LIMIT):
            async for line in process.stdout:
                text = line.decode(errors="replace").strip()
                if text:
                    said = [*said, text][-_LAST_LINES:]
                    progress(text[:200])
            status = await process.wait()
    except TimeoutError:
        return f"it took more than {INSTALL_LIMIT:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return None if status == 0 else (" ".join(said) or f"the installer ended with {status}")


def _command(domain: str, requirements: Iterable[str], *, custom: bool) -> list[str]:
    uv = Path(sys.executable).with_name("uv")
    found = str(uv) if uv.is_file() else shutil.which("uv")
    if found:
        command = [found, "pip", "install", "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    lock = bundled("requirements") / f"{domain}.txt"
    if not custom and lock.is_file():
        return [*command, "--require-hashes", "-r", str(lock)]
    return [*command, *requirements]
