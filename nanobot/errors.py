"""The exception tree. Choose the class by who has to act.

    NanobotError
    ├── ConfigError            the user edits the configuration
    ├── AuthFailed             the user renews credentials; nothing is retried
    ├── NotReady               time will tell; retried with backoff
    ├── ModelError             a language model cannot answer this request, however often it is asked
    ├── ServiceError           whoever called a service
    │   ├── ServiceNotFound
    │   └── InvalidServiceData
    ├── ConditionError         whoever wrote the condition; it does not hold
    ├── ToolError              the model: its text goes back into the turn
    ├── Refused                a sender or client that is not let in
    ├── Busy                   a sender who has to wait: a queue is full
    └── StorageError           the disk: full, read-only, damaged

Everything else is a fault of ours and gets a traceback in the log.
The text of each of these is a sentence that a person can act on.
"""

from __future__ import annotations


class NanobotError(Exception):
    """Base of all errors that nanobot raises on purpose."""


class ConfigError(NanobotError):
    """The configuration of an entry is wrong in a way that only its setup can see."""


class AuthFailed(NanobotError):
    """A service refused our credentials. Setup is not retried until the configuration changes."""


class NotReady(NanobotError):
    """Something this entry needs is not there yet. Setup is tried again, later and later.

    ``retry_after``: seconds after which the other side wants to be asked again, where it said so.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelError(NanobotError):
    """A model refuses a request, or answers it with nonsense. Another model may do better; the same will not.

    ``too_long``: a shorter request it would take. ``too_loose``: a stricter one.
    """

    def __init__(self, message: str = "", *, too_long: bool = False, too_loose: bool = False) -> None:
        super().__init__(message)
        self.too_long = too_long
        self.too_loose = too_loose


class ServiceError(NanobotError):
    """A service call failed."""


class ServiceNotFound(ServiceError):
    """No such service; the text names the nearest one. ``service`` is what was asked for."""

    def __init__(self, message: str = "", *, service: str | None = None) -> None:
        super().__init__(message)
        self.service = service


class InvalidServiceData(ServiceError):
    """Data or response mode does not fit the schema of the service."""


class ConditionError(NanobotError):
    """A condition cannot be decided, such as one about an entity that does not exist."""


class ToolError(NanobotError):
    """A tool cannot do what the model asked; the model reads why."""


class Refused(NanobotError):
    """The sender or client is not let in."""


class Busy(NanobotError):
    """A queue is full; the sender should try again later."""


class StorageError(NanobotError):
    """Data could not be written or read: disk full, read-only or damaged."""
