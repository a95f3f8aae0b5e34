"""Checks conditions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from nanobot.automation import words
from nanobot.automation.schema import ConditionConfig
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub

Log = logging.Logger | logging.LoggerAdapter[Any]


class Conditions:
    """Conditions that are ready to be checked. A disabled one does not count."""

    def __init__(self, conditions: Iterable[ConditionConfig], log: Log) -> None:
        self._log = log
        self._ready = [
            (condition.alias or condition.word, _check_of(condition.word), condition.config)
            for condition in conditions
            if condition.enabled
        ]

    def hold(self, hub: Hub, variables: Mapping[str, Any]) -> bool:
        """Whether all of them do. One that cannot be decided does not, and is logged."""
        for name, check, config in self._ready:
            try:
                if not check(hub, config, variables):
                    return False
            except Exception as error:  # a condition of an integration may raise anything; it then does not hold
                expected = isinstance(error, NanobotError)
                text = str(error) or type(error).__name__
                self._log.warning("condition %s: %s", name, text, exc_info=None if expected else error)
                return False
        return True


def _check_of(word: str) -> Any:
    found = words.find("condition", word)
    if found is None:
        raise NanobotError(f"there is no condition '{word}' any more")
    return found.check
