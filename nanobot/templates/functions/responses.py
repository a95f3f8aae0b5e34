"""The answer of a service that was asked of several entities, as one list."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from nanobot.templates.functions.arguments import Functions
from nanobot.templates.limits import weigh


def merge_response(value: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """``{entity: {key: [items]}}`` becomes the items, each with its ``entity_id`` and, as ``value_key``, the key.

    An entity that answers otherwise gives its whole answer with its ``entity_id``. Raises TypeError for what is no
    answer of entities, and ValueError when an item has an ``entity_id`` of its own.
    """
    weigh(value)
    merged: list[Any] = []
    for entity_id, answer in _mapping(value).items():
        if len(_mapping(answer)) == 1 and isinstance(items := next(iter(answer.values())), list):
            (value_key,) = answer
            merged.extend(_marked(item, entity_id, value_key=value_key) for item in items)
        else:
            merged.append(_marked(answer, entity_id))
    return merged


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"merge_response takes the answer of a service for entities, not {type(value).__name__}")
    return value


def _marked(item: Any, entity_id: str, **more: str) -> Any:
    if not isinstance(item, Mapping):
        return deepcopy(item)
    if "entity_id" in item:
        raise ValueError(f"merge_response cannot mark an answer of {entity_id}: it has an 'entity_id' already")
    return {**deepcopy(dict(item)), "entity_id": entity_id, **more}


GLOBALS: Functions = {"merge_response": merge_response}
FILTERS: Functions = {}
TESTS: Functions = {}
