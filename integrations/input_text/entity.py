"""The text itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from nanobot.contracts.entity import UNKNOWN
from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import Helper

_log = logging.getLogger("nanobot.input_text")


class InputText(Helper):
    """A text of ``min`` to ``max`` characters. ``pattern`` is for the forms of clients; nothing is held against it
    here, as in Home Assistant 2025.4."""

    text: str | None

    def begin(self) -> None:
        self.text = self.config.get("initial")

    def restore(self, last: Mapping[str, Any]) -> None:
        if "initial" not in self.config and self._fits(last["state"]):
            self.text = last["state"]

    def keep(self) -> Mapping[str, Any] | None:
        return None if self.text is None else {"state": self.text}

    @property
    def state(self) -> str:
        return UNKNOWN if self.text is None else self.text

    @property
    def attributes(self) -> Mapping[str, Any]:
        config = self.config
        shown = {
            "editable": False,
            "min": config["min"],
            "max": config["max"],
            "pattern": config.get("pattern"),
            "mode": config["mode"],
        }
        if "unit_of_measurement" in config:
            shown["unit_of_measurement"] = config["unit_of_measurement"]
        return shown

    def set_value(self, call: ServiceCall) -> None:
        """Service. A text that is too long or too short changes nothing and fails nothing, as in Home Assistant."""
        text = call.data["value"]
        if not self._fits(text):
            low, high = self.config["min"], self.config["max"]
            _log.warning("%s takes %d to %d characters, not %d", self.entity_id, low, high, len(text))
            return
        self.text = text
        self.changed(call.context)

    def _fits(self, text: str) -> bool:
        return bool(self.config["min"] <= len(text) <= self.config["max"])
