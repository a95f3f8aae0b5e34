"""Runs as a program of its own between nanobot and a command: sets limits, closes the door, and executes it.

``launcher.py PLAN PROGRAM ARGUMENT…``: PLAN is JSON, made by ``sandbox.py``. It needs nothing but the standard library.

With bubblewrap this process becomes bubblewrap. Otherwise it stays, as the parent of whatever the command leaves
behind, and takes that along when it ends. Landlock: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # kinds of access to files, by version of Landlock
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # sign of the machine, number of the call socket()
IO_URING_SETUP = 425
INET = (2, 10)  # AF_INET, AF_INET6
OPEN_FILES = 1024

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    plan, argv = json.loads(sys.argv[1]), sys.argv[2:]
    os.umask(0o077)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, plan["max_file"]),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
    if plan["kind"] == "bubblewrap":
        os.execv(argv[0], argv)
    os.chdir(plan["folder"])
    _watch_over(plan, argv)


def _watch_over(plan: dict[str, Any], argv: list[str]) -> None:
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: _leave(128 + signal.SIGTERM))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            if plan["kind"] == "landlock":
                restrict(plan)
            os.execv(argv[0], argv)
        except OSError as error:
            print(f"{error.strerror or error}", file=sys.stderr, flush=True)
        finally:
            os._exit(127)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            _leave(128 - code if code < 0 else code)


def _leave(code: int) -> None:
    """End with everything that is still there below."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(ChildProcessError):
        for _ in range(100):
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            signal.sigtimedwait([], 0.005)
    os._exit(code)


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def restrict(plan: dict[str, Any]) -> None:
    """From here on this process writes below ``folder`` and ``write``, reads below ``read``, and has no sockets but,
    with ``network``, those of the internet. Raises ``OSError`` when the kernel cannot do that."""
    version = libc.syscall(LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        raise OSError(ctypes.get_errno(), "the kernel has no Landlock, or it is switched off")
    everything = (1 << RIGHTS.get(version, 16)) - 1
    tcp = 0 if plan["network"] or version < 4 else 3  # bind and connect
    scoped = 3 if version >= 6 else 0  # abstract sockets and signals of others
    attributes = struct.pack("=QQQ", everything, tcp, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(LANDLOCK_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses its rules")
    writable = [plan["folder"], *plan["write"]]
    places = [*((path, READ) for path in plan["read"]), *((path, everything) for path in writable)]
    places += ((device, READ_FILE | WRITE_FILE) for device in ("/dev/null", "/dev/zero", "/dev/tty"))
    for path, access in places:
        _allow(ruleset, path, access & everything)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter_sockets(network=plan["network"])
    if libc.syscall(LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses to begin")
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        access &= OF_A_FILE
    rule = struct.pack("=Qi", access, place)
    if libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0) != 0:
        raise OSError(ctypes.get_errno(), f"Landlock refuses {path}")
    os.close(place)


def _filter_sockets(*, network: bool) -> None:
    """Have socket() refused: Landlock leaves UDP, and sockets that are files (those of a container engine), open."""
    if platform.machine() not in SOCKET:
        raise OSError(0, f"sockets cannot be closed on {platform.machine()}")
    machine, number = SOCKET[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000 | 13, 0x80000000  # 13: EACCES
    families = INET if network else ()
    steps = [
        (load, 0, 0, 4),
        (equal, 1, 0, machine),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, 0, 1, 0x40000000),  # the other numbers of the same machine
        (give, 0, 0, refuse),
        (equal, 0, 1, IO_URING_SETUP),
        (give, 0, 0, refuse),
        (equal, 1, 0, number),
        (give, 0, 0, allow),
        (load, 0, 0, 16),  # the family
        *((equal, len(families) - place, 0, family) for place, family in enumerate(families)),
        (give, 0, 0, refuse),
        (give, 0, 0, allow),
    ]
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    if libc.prctl(PR_SET_SECCOMP, 2, head, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of calls")


if __name__ == "__main__":
    main()
