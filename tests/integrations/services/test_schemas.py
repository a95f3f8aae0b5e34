"""What a model is told of the tools before it has said a word: each word of it is paid for in every request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from nanobot.agent.toolbox import Toolbox
from nanobot.testing.plugin import House

BUDGET = 3800  # bytes

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
COUNT = {"type": "integer", "minimum": 1}
SHAPES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "read_file": ({"path": TEXT, "offset": COUNT, "limit": COUNT, "numbers": FLAG}, ["path"]),
    "write_file": ({"path": TEXT, "content": TEXT}, ["path", "content"]),
    "edit_file": ({"path": TEXT, "old": TEXT, "new": TEXT, "all": FLAG}, ["path", "old", "new"]),
    "list_dir": ({"path": TEXT, "pattern": {**TEXT, "maxLength": 200}, "recursive": FLAG}, []),
    "glob": ({"pattern": {**TEXT, "maxLength": 200}, "path": TEXT}, ["pattern"]),
    "grep": (
        {
            "pattern": {**TEXT, "minLength": 1, "maxLength": 1000},
            "path": TEXT,
            "glob": {**TEXT, "maxLength": 200},
            "ignore_case": FLAG,
        },
        ["pattern"],
    ),
    "message": (
        {
            "text": {**TEXT, "maxLength": 20_000},
            "files": {"type": "array", "items": TEXT, "maxItems": 10},
            "buttons": {"type": "array", "items": {**TEXT, "minLength": 1, "maxLength": 60}, "maxItems": 10},
            "channel": TEXT,
            "chat": TEXT,
        },
        ["text"],
    ),
    "get_state": ({"query": TEXTS}, []),
    "list_services": ({"query": TEXT}, []),
    "call_service": (
        {"service": TEXT, "entity_id": TEXTS, "data": {"type": "object", "additionalProperties": True}},
        ["service"],
    ),
}


@pytest.fixture
async def offered(house: House) -> dict[str, dict[str, Any]]:
    await house.start("files:\nmessage:\nstates:\nservices:\n")
    return {tool["function"]["name"]: tool["function"] for tool in Toolbox(house.hub).offered()}


async def test_all_of_it_fits_into_the_budget(offered: dict[str, dict[str, Any]]) -> None:
    size = sum(len(orjson.dumps({"type": "function", "function": tool})) for tool in offered.values())
    assert size <= BUDGET


@pytest.mark.parametrize("name", SHAPES)
async def test_each_schema_says_what_the_tool_takes(offered: dict[str, dict[str, Any]], name: str) -> None:
    properties, required = SHAPES[name]
    schema = offered[name]["parameters"]
    bare = {
        key: {word: v for word, v in value.items() if word != "description"}
        for key, value in schema["properties"].items()
    }
    assert bare == properties
    assert schema.get("required", []) == required
    assert schema["additionalProperties"] is False
    assert 20 < len(offered[name]["description"]) < 120


async def test_there_is_nothing_else(offered: dict[str, dict[str, Any]]) -> None:
    assert set(offered) == set(SHAPES)
