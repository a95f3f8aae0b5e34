"""The address of a server, and what can be told from it without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

LOCAL_ENDS = (".local", ".localhost", ".lan", ".home", ".home.arpa", ".internal")
OPERATION = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Address:
    """``base_url`` taken apart. It may end in the operation as well, which is how some servers give theirs."""

    parts: SplitResult

    @classmethod
    def of(cls, base_url: str) -> Address:
        parts = urlsplit(str(base_url))
        path = parts.path.rstrip("/").removesuffix(OPERATION)
        return cls(parts._replace(path=path, fragment=""))

    def __str__(self) -> str:
        """For people: without what follows a question mark, which may hold a key."""
        return urlunsplit(self.parts._replace(query=""))

    def url(self, operation: str) -> str:
        """Where to ask for ``/models``, for example."""
        return urlunsplit(self.parts._replace(path=self.parts.path + operation))

    def beside(self, operation: str) -> str:
        """Where to ask for what a server has beside ``/v1``."""
        path = self.parts.path.removesuffix("/v1") + operation
        return urlunsplit(self.parts._replace(path=path))

    @property
    def is_encrypted(self) -> bool:
        return self.parts.scheme == "https"

    @property
    def is_private(self) -> bool:
        """Whether it leads to this machine or into a private network."""
        host = self.parts.hostname or ""
        try:
            return not ip_address(host).is_global
        except ValueError:
            return "." not in host or host.endswith(LOCAL_ENDS)

    @property
    def is_here(self) -> bool:
        """Whether it leads to this machine."""
        host = self.parts.hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def proxy(self) -> str | None:
        """The proxy that the environment names for it. May look into the system's settings: call it in a thread."""
        if self.is_here or proxy_bypass(self.parts.hostname or ""):
            return None
        return getproxies().get(self.parts.scheme)
