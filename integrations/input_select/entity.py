"""The choice itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from nanobot.contracts.service import ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.collection import Config, Helper

_log = logging.getLogger("nanobot.input_select")


class InputSelect(Helper):
    """One of ``options``."""

    options: list[str]
    option: str

    def take(self, config: Config) -> None:
        super().take(config)
        self.options = list(config["options"])

    def begin(self) -> None:
        self.option = self.config.get("initial", self.options[0])

    def fit(self) -> None:
        if self.option not in self.options:
            self.begin()

    def restore(self, last: Mapping[str, Any]) -> None:
        if "initial" not in self.config and last["state"] in self.options:
            self.option = last["state"]

    @property
    def state(self) -> str:
        return self.option

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"options": list(self.options), "editable": False}

    def select_option(self, call: ServiceCall) -> None:
        """Service. Raises ``ServiceError`` for what is no option."""
        option = call.data["option"]
        if option not in self.options:
            options = ", ".join(self.options)
            raise ServiceError(f"'{option}' is no option of {self.entity_id}; its options are: {options}")
        self._choose(option, call)

    def select_first(self, call: ServiceCall) -> None:
        """Service."""
        self._choose(self.options[0], call)

    def select_last(self, call: ServiceCall) -> None:
        """Service."""
        self._choose(self.options[-1], call)

    def select_next(self, call: ServiceCall) -> None:
        """Service. After the last one comes the first, unless ``cycle`` is false."""
        self._step(1, call)

    def select_previous(self, call: ServiceCall) -> None:
        """Service. Before the first one comes the last, unless ``cycle`` is false."""
        self._step(-1, call)

    def set_options(self, call: ServiceCall) -> None:
        """Service. The present option stays if it is among the new ones, else the first is chosen.

        Raises ``ServiceError`` for an option that is there twice.
        """
        options = call.data["options"]
        if len(set(options)) != len(options):
            raise ServiceError(f"{self.entity_id}: the same option is there twice in {', '.join(options)}")
        self.options = list(options)
        if self.option not in self.options:
            _log.warning("'%s' is no option of %s any more; '%s' is chosen", self.option, self.entity_id, options[0])
            self.option = self.options[0]
        self.changed(call.context)

    def _step(self, by: int, call: ServiceCall) -> None:
        index = self.options.index(self.option) + by
        if call.data["cycle"]:
            index %= len(self.options)
        self._choose(self.options[max(0, min(index, len(self.options) - 1))], call)

    def _choose(self, option: str, call: ServiceCall) -> None:
        self.option = option
        self.changed(call.context)
