"""The libraries that integrations need: which of them are missing, and how they get in.

What nanobot brings itself is locked: ``requirements/<domain>.txt`` names each version with its hash, and nothing else
is installed for it. A user's own integration has no such list; its requirements are taken as they stand.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import operator
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanobot.errors import ConfigError, NotReady
from nanobot.paths import bundled
from nanobot.util.aio import in_thread

if TYPE_CHECKING:
    from packaging.requirements import Requirement

LIMIT = 900.0  # s, for one installation: some libraries are large, some lines are slow
PATIENCE = 0.2  # s between two looks at whether another installation has ended
TAIL = 400  # characters of an installer's last words that an error repeats
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_CONDITION = re.compile(rf"(==|>=|<=|<|>)\s*({_NUMBERS.pattern})", re.ASCII)
_SIMPLE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<conditions>[=<>][^;\[@]*)", re.ASCII)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
}

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


def missing(requirements: Iterable[str]) -> list[str]:
    """Those that are not installed, or not in a version that fits. Raises ``ConfigError`` for what is none.

    Reads the metadata of distributions from disk: call it in a thread.
    """
    return [text for text in requirements if not _is_met_simply(text) and not _is_met(_parsed(text))]


def command_for(domain: str, requirements: Sequence[str], *, custom: bool) -> str:
    """What a person types to install them."""
    return shlex.join(_command(domain, requirements, custom=custom))


async def install(domain: str, requirements: Sequence[str], *, custom: bool, progress: Callable[[str], None]) -> None:
    """Install what an integration needs into the environment that nanobot runs in, one integration at a time.

    ``progress`` is told in words what happens. Raises ``NotReady`` with the command that does it by hand: most often
    the network is what is missing. A cancelled installation is ended.
    """
    what, command = ", ".join(requirements), _command(domain, requirements, custom=custom)
    async with _turn():
        if not await in_thread(missing, requirements):
            return  # another entry, or another hub in this environment, was first
        progress(f"installing {what}")
        error = await _run(command, progress)
        importlib.invalidate_caches()
    if error is not None:
        by_hand = shlex.join(command)
        raise NotReady(f"needs {what}, which could not be installed ({error}); by hand: {by_hand}")
    progress(f"installed {what}")


def _command(domain: str, requirements: Sequence[str], *, custom: bool) -> list[str]:
    """uv's command where there is one (beside our Python first), else pip's."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is not None:
        command = [uv, "pip", "install", "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    lock = bundled("requirements") / f"{domain}.txt"
    if not custom and lock.is_file():
        return [*command, "--require-hashes", "-r", str(lock)]
    return [*command, *requirements]


async def _run(command: Sequence[str], progress: Callable[[str], None]) -> str | None:
    """Run an installer, pass its lines on. None when it did what it should, else its last words."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,  # so that it can be ended with everything it started
        )
    except OSError as error:
        return error.strerror or str(error)
    lines: list[str] = []
    try:
        async with asyncio.timeout(LIMIT):
            assert process.stdout is not None
            async for raw in process.stdout:
                if line := raw.decode(errors="replace").strip():
                    lines.append(line)
                    progress(line)
            code = await process.wait()
    except TimeoutError:
        return f"not done after {LIMIT:g} s"
    finally:
        if process.returncode is None:
            await _end(process)
    return None if code == 0 else " ".join(lines)[-TAIL:] or f"exit code {code}"


def _environment() -> dict[str, str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    if CERTIFICATES.exists():  # a company's proxy is known to the system, not to the certificates that come with uv
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    return environment


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


@contextlib.asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    """Hold what installs into this environment, among all hubs that run in it."""
    if fcntl is None:
        yield
        return
    # in the environment itself: in the folder for temporary files another user could be first, and stand in the way
    try:
        handle = os.open(Path(sys.prefix) / ".nanobot-install.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:  # the installer will say what is wrong with an environment that cannot be written to
        yield
        return
    try:
        while not _is_ours(handle):  # noqa: ASYNC110 - the lock is the system's and has no event
            await asyncio.sleep(PATIENCE)
        yield
    finally:
        os.close(handle)


def _is_ours(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_met_simply(text: str) -> bool:
    """Whether it is met, without the library that knows all of how requirements are written: it takes a MiB. False
    may also mean that this is more than can be said here."""
    if not (found := _SIMPLE.fullmatch(text)):
        return False
    try:
        version = metadata.version(found["name"])
    except (metadata.PackageNotFoundError, ValueError):
        return False
    if not version or not _NUMBERS.fullmatch(version):
        return False
    conditions = (_CONDITION.fullmatch(each.strip()) for each in found["conditions"].split(","))
    return all(each and _COMPARE[each[1]](_release(version), _release(each[2])) for each in conditions)


def _release(version: str) -> tuple[int, ...]:
    """So that ``1.0`` and ``1`` are the same."""
    numbers = [int(number) for number in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _parsed(text: str) -> Requirement:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(f"manifest.json: '{text}' is not a requirement; write it like 'name==1.0'") from error


def _is_met(requirement: Requirement, extra: str = "") -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
        return True  # not for this Python or system
    try:
        found = metadata.distribution(requirement.name)
        version: str | None = found.version
    except (metadata.PackageNotFoundError, ValueError):
        return False
    if not version or not requirement.specifier.contains(version, prereleases=True):
        return False
    needed = [_parsed(text) for text in found.requires or ()] if requirement.extras else []
    return all(
        _is_met(each, extra)
        for extra in requirement.extras
        for each in needed
        if each.marker is not None and "extra" in str(each.marker)
    )
