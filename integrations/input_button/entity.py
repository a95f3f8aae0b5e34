"""The button itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.contracts.entity import UNKNOWN
from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import Config, Helper
from nanobot.util.dt import Clock, iso


class InputButton(Helper):
    """Its state is the time of the last press, in UTC."""

    pressed: str | None

    def __init__(self, domain: str, clock: Clock, key: str, config: Config) -> None:
        self._clock = clock
        super().__init__(domain, key, config)

    def begin(self) -> None:
        self.pressed = None

    def restore(self, last: Mapping[str, Any]) -> None:
        self.pressed = last["state"]

    def keep(self) -> Mapping[str, Any] | None:
        return None if self.pressed is None else {"state": self.pressed}

    @property
    def state(self) -> str:
        return self.pressed or UNKNOWN

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"editable": False}

    def press(self, call: ServiceCall) -> None:
        """Service."""
        self.pressed = iso(self._clock.time())
        self.changed(call.context)
