"""A workspace with a shell on it, a secret beside it, and a server that nobody may reach."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import need_bubblewrap

SECRET = "the treasure is under the oak"


@pytest.fixture
def workspace(config_dir: Path) -> Path:
    """Where commands begin; beside it lies a file that no command may read."""
    (config_dir / "secrets.yaml").write_text(f"treasure: {SECRET}\n")
    return config_dir / "workspace"


@pytest.fixture
def bwrap() -> None:
    """Bubblewrap is installed and works."""
    need_bubblewrap()


class Server:
    """Listens on a port of this machine, for connections and for datagrams."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp.setblocking(False)
        self.udp.setblocking(False)

    def heard(self) -> str:
        """What has arrived."""
        found = ""
        with contextlib.suppress(BlockingIOError):
            self.tcp.accept()[0].close()
            found += "a connection"
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(100)
            found += "a datagram"
        return found


@pytest.fixture
def server() -> Iterator[Server]:
    """One that nobody may reach."""
    server = Server()
    yield server
    server.tcp.close()
    server.udp.close()
