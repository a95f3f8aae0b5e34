"""The sandbox: what a command may reach, and by which means it is kept there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from nanobot.util.secrets import Secret

KINDS = ("bubblewrap", "landlock", "none")
LAUNCHER = Path(__file__).with_name("launcher.py")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
OF_ETC = (
    "alternatives",
    "group",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "ssl/certs",
    "ssl/openssl.cnf",
)
OF_DEV = ("/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero")  # not what others share
OF_PROC = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version")  # no process of anybody else
FOR_THE_NETWORK = ("gai.conf", "hosts", "protocols", "resolv.conf", "services")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IN_TMP = 256 * 1024 * 1024  # bytes in /tmp of a command
TRIED_FOR = 20.0  # s that one `true` may take when a sandbox is tried

NEITHER = (
    "no sandbox works here, so no command is run ({why}). Install bubblewrap (on Debian: sudo apt-get install"
    " bubblewrap), or write 'sandbox: none' if this whole machine is there for the agent"
)


class Unusable(Exception):
    """A sandbox that does not work here; the text says why."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a command may use. ``folder`` is where it begins and may write; sizes in bytes."""

    folder: Path
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    network: bool = False
    env: Mapping[str, Secret] = field(default_factory=dict)
    max_processes: int = 128
    max_memory: int = 1 << 30
    max_file: int = 1 << 30

    @classmethod
    def of(cls, config: Mapping[str, Any], folder: Path) -> Rules:
        return cls(
            folder.resolve(),
            tuple(path.resolve() for path in config["read"]),
            tuple(path.resolve() for path in config["write"]),
            config["network"],
            config["env"],
            config["max_processes"],
            config["max_memory"],
            config["max_file"],
        )


@dataclass(frozen=True, slots=True)
class Sandbox:
    """``kind`` is one of ``KINDS``."""

    kind: str
    rules: Rules

    def argv(self, command: str) -> list[str]:
        """What is to be executed so that the shell runs ``command`` under these rules."""
        rules = self.rules
        plan = {
            "kind": self.kind,
            "max_file": rules.max_file,
            "network": rules.network,
            "folder": str(rules.folder),
            "write": [str(path) for path in rules.write],
            "read": [*_there(SYSTEM), *_there(_etc(rules.network)), *OF_DEV, *_there(OF_PROC), *map(str, rules.read)],
        }
        shell = _shell(command, rules.max_processes)
        if self.kind == "bubblewrap":
            shell = [*_bubblewrap(rules), "--", *shell]
        return [sys.executable, "-I", "-S", str(LAUNCHER), orjson.dumps(plan).decode(), *shell]

    def env(self) -> dict[str, str]:
        """All that a command finds in its environment: nothing of nanobot's own."""
        own = {
            "PATH": PATH,
            "HOME": str(self.rules.folder),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "TZ": os.environ.get("TZ", ""),
        }
        given = {name: value.reveal() for name, value in self.rules.env.items()}
        return {name: value for name, value in {**own, **given}.items() if value}


def choose(wanted: str, rules: Rules) -> Sandbox:
    """The sandbox that is wanted, for ``auto`` the first that works; tried for real. Raises ``Unusable``."""
    rules.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if wanted == "none":
        return Sandbox("none", rules)
    failures = []
    for kind in ("bubblewrap", "landlock") if wanted == "auto" else (wanted,):
        sandbox = Sandbox(kind, rules)
        try:
            _try(sandbox)
        except Unusable as error:
            failures.append(f"{kind}: {error}")
        else:
            return sandbox
    raise Unusable(NEITHER.format(why="; ".join(failures)))


def _try(sandbox: Sandbox) -> None:
    if sandbox.kind == "bubblewrap" and shutil.which("bwrap", path=PATH) is None:
        raise Unusable("it is not installed")
    if sandbox.kind == "landlock" and os.geteuid() == 0:
        raise Unusable("it does not keep the account root from changing the modes and owners of other files")
    try:
        done = subprocess.run(
            sandbox.argv("true"),
            env=sandbox.env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TRIED_FOR,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(str(error)) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Unusable(lines[-1] if lines else f"it ended with {done.returncode}")


def _bubblewrap(rules: Rules) -> list[str]:
    """No more of the machine than programs need: as root, whatever is visible could be read."""
    argv = [shutil.which("bwrap", path=PATH) or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    argv += ["--cap-drop", "ALL", "--hostname", "sandbox"]
    if rules.network:
        argv.append("--share-net")
    for path in map(Path, SYSTEM):
        if path.is_symlink():  # where /bin is a link to /usr/bin
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    for file in _there(_etc(rules.network)):
        argv += ["--ro-bind", file, file]
    argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(IN_TMP), "--tmpfs", "/tmp"]  # noqa: S108
    for readable in rules.read:
        argv += ["--ro-bind", str(readable), str(readable)]
    for writable in (*rules.write, rules.folder):
        argv += ["--bind", str(writable), str(writable)]
    return [*argv, "--chdir", str(rules.folder)]


def _shell(command: str, max_processes: int) -> list[str]:
    """The number of processes is limited from within: outside, those of the whole account would count."""
    shell = shutil.which("bash", path=PATH) or "/bin/sh"
    return [shell, "-c", f'ulimit -u {max_processes} 2>/dev/null; exec "$0" -c "$1"', shell, command]


def _etc(network: bool) -> Sequence[str]:
    names = (*OF_ETC, *FOR_THE_NETWORK) if network else OF_ETC
    return [f"/etc/{name}" for name in names]


def _there(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if Path(path).exists()]
