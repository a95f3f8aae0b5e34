"""Start a hub as a process and look at it from outside. Standard library only."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
TICK = 0.002  # s between two looks
START_LIMIT = 60.0  # s


class Process:
    """A server that runs. ``started`` is the moment just before the process was made."""

    def __init__(self, command: list[str], environment: dict[str, str], *, port: int | None = None) -> None:
        self.port = port
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def until(self, is_there: Callable[[], bool]) -> float:
        """Seconds from the start until ``is_there()``."""
        limit = self.started + START_LIMIT
        while not is_there():
            if self._process.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"the server did not come up:\n{self.said()}")
            time.sleep(TICK)
        return time.monotonic() - self.started

    def answers(self, path: str) -> bool:
        """Whether ``GET path`` gets any answer but a server error."""
        assert self.port is not None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def said(self) -> str:
        """What it has written to the terminal so far."""
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode(errors="replace")

    def stop(self) -> float:
        """Ask it to stop; seconds until it had."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.output.close()
        return time.monotonic() - began


class Hub(Process):
    """A running ``nanobot run -c DIR``."""

    def __init__(self, config: Path, *, port: int | None = None, python: str = sys.executable) -> None:
        self.config = config
        command = [python, "-m", "nanobot", "run", "-c", str(config), *([] if port is None else ["--port", str(port)])]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        super().__init__(command, {**environment, "PYTHONPATH": str(REPO)}, port=port)


@contextlib.contextmanager
def running(config: Path, *, port: int | None = None, python: str = sys.executable) -> Iterator[Hub]:
    """A hub for the length of a ``with`` block."""
    hub = Hub(config, port=port, python=python)
    try:
        yield hub
    finally:
        hub.stop()


def free_port() -> int:
    """A port on the loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def cpu_s(pid: int) -> float:
    """CPU time of all living threads of a process, finer than the 10 ms of /proc/PID/stat."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError, IndexError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pid: int) -> dict[str, float]:
    """``rss_mib``, ``pss_mib`` and ``threads``."""
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            found["rss_mib"] = int(value.split()[0]) / 1024
        elif name == "Threads":
            found["threads"] = int(value)
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found["pss_mib"] = int(line.split()[1]) / 1024
    return found


def idle(pid: int, settle_s: float, window_s: float) -> dict[str, float]:
    """What a hub takes that has nothing to do."""
    time.sleep(settle_s)
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(window_s)
    percent = (cpu_s(pid) - before) / (time.monotonic() - began) * 100
    return {f"idle_{name}": value for name, value in {**memory(pid), "cpu_percent": percent}.items()}
