"""Checks conditions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.automation import words
from nanobot.automation.trace import StepTrace, Trace
from nanobot.automation.truth import is_on
from nanobot.errors import ConditionError, NanobotError
from nanobot.hub.hub import Hub
from nanobot.templates import Template

Log = logging.Logger | logging.LoggerAdapter[Any]


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    """One condition. A disabled one does not count."""

    word: str
    config: Mapping[str, Any]
    check: Callable[[Mapping[str, Any], Case], bool] | None
    alias: str | None = None
    enabled: bool | Template = True


class Case:
    """What conditions are asked about, and where they leave what they saw. See ``contracts.condition``."""

    __slots__ = ("_step", "hub", "log", "path", "trace", "variables")

    def __init__(
        self, hub: Hub, variables: Mapping[str, Any], log: Log, trace: Trace | None = None, path: str = "condition"
    ) -> None:
        self.hub = hub
        self.variables = variables
        self.log = log
        self.trace = trace
        self.path = path
        self._step: StepTrace | None = None

    def tell(self, **found: Any) -> None:
        """Leave in the trace what the condition saw."""
        if self._step is not None:
            self._step.result = {**(self._step.result or {}), **found}

    def ask(self, condition: ConditionConfig, path: str) -> bool | None:
        """Whether it holds; None for one that is disabled. Raises ``ConditionError``."""
        if condition.enabled is not True and not is_on(self.hub, condition.enabled):
            return None
        check = condition.check or _check_of(condition.word)
        if self.trace is None:
            return self._decide(check, condition)
        above = self.path, self._step
        self.path = path
        step = self._step = self.trace.step(path)
        try:
            holds = self._decide(check, condition)
            step.result = {"result": holds, **(step.result or {})}
            return holds
        except ConditionError as error:
            step.error = str(error)
            raise
        finally:
            self.trace.done(step)
            self.path, self._step = above

    def _decide(self, check: Callable[[Mapping[str, Any], Case], bool], condition: ConditionConfig) -> bool:
        try:
            return bool(check(condition.config, self))
        except ConditionError:
            raise
        except Exception as error:  # a condition of an integration may raise anything; it then does not hold
            if not isinstance(error, NanobotError):
                self.log.warning("condition %s failed", condition.alias or condition.word, exc_info=error)
            raise ConditionError(
                f"{condition.alias or condition.word}: {str(error) or type(error).__name__}"
            ) from error


class Conditions:
    """Conditions that are ready to be checked."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[ConditionConfig, ...]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def hold(self, case: Case, path: str | None = None) -> bool:
        """Whether all of them do. One that cannot be decided does not, and is logged."""
        try:
            return self.all(case, path or case.path)
        except ConditionError as error:
            case.log.warning("a condition cannot be decided, so it does not hold: %s", error)
            return False

    def all(self, case: Case, path: str) -> bool:
        """Whether all hold. Raises ``ConditionError`` when that depends on one that cannot be decided."""
        return self._until(case, path, decided_by=False, otherwise=True)

    def any(self, case: Case, path: str) -> bool:
        """Whether one holds. Raises as ``all``."""
        return self._until(case, path, decided_by=True, otherwise=False)

    def none(self, case: Case, path: str) -> bool:
        """Whether none holds. Raises as ``all``."""
        return not self.any(case, path)

    def _until(self, case: Case, path: str, *, decided_by: bool, otherwise: bool) -> bool:
        undecided: list[str] = []
        for index, condition in enumerate(self.items):
            try:
                if case.ask(condition, f"{path}/{index}") is decided_by:
                    return decided_by
            except ConditionError as error:
                undecided.append(str(error))
        if undecided:
            raise ConditionError("; ".join(undecided))
        return otherwise


def _check_of(word: str) -> Callable[[Mapping[str, Any], Case], bool]:
    found = words.find("condition", word)
    if found is None:
        raise ConditionError(f"there is no condition '{word}' any more")
    check: Callable[[Mapping[str, Any], Case], bool] = found.check
    return check
