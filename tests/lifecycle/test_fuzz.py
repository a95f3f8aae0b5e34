"""Random edits, valid and broken, end in the same hub as a fresh start from the last valid text."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House

from .test_edits import PART, RELOADS, write_part

DOMAINS = ["alpha", "beta", "gamma", "delta"]

keys = st.sampled_from([*DOMAINS, "alpha one", "gamma two"])
values = st.integers(-2, 3)
valid_part = st.dictionaries(keys, st.one_of(st.none(), st.fixed_dictionaries({"value": values})), max_size=5)
wrong_part = st.dictionaries(
    st.one_of(keys, st.just("no_such_thing")),
    st.one_of(st.just({"value": "many"}), st.just({"valeu": 1}), st.just([1, 2]), st.just("text")),
    min_size=1,
    max_size=2,
)
unreadable = st.sampled_from(
    ["alpha: [\n", "\talpha:\n", "- a list\n", "alpha: !secret nowhere_[\n", "a: b: c\n", "{{"]
)


def as_yaml(tree: dict[str, Any]) -> str:
    lines = []
    for key, value in tree.items():
        lines.append(f"{key}:" if value is None else f"{key}: {value!r}")
    return "\n".join(lines) + "\n"


edit = st.one_of(
    valid_part.map(lambda tree: ("valid", as_yaml(tree))),
    st.tuples(valid_part, wrong_part).map(lambda trees: ("wrong", as_yaml(trees[0] | trees[1]))),
    unreadable.map(lambda text: ("unreadable", text)),
)


def picture(house: House) -> dict[str, Any]:
    """What a person can see of a hub, without times."""
    return {
        "entries": {i: (e.state.value, e.config) for i, e in house.hub.entries.items() if i != "nanobot"},
        "states": {
            s.entity_id: s.state for s in house.hub.states if s.domain != "integration" or s.object_id != "nanobot"
        },
        "services": sorted(f"{s.domain}.{s.name}" for s in house.hub.services),
        "listeners": house.hub.bus.counts(),
        "issues": sorted(issue.id for issue in house.hub.issues),
    }


async def nothing_is_starting(house: House) -> None:
    """On a slow machine an edit that another one follows is told as applied before all that it brings is up."""
    changed = asyncio.Event()
    remove = house.hub.bus.listen("entry_changed", lambda event: changed.set())
    async with asyncio.timeout(60):
        while any(entry.state is EntryState.STARTING for entry in house.hub.entries.values()):
            changed.clear()
            await changed.wait()
    remove()


async def _after(edits: list[tuple[str, str]], last: str) -> tuple[dict[str, Any], dict[str, Any]]:
    pictures = []
    for texts in ([*(text for _, text in edits), last], [last]):
        with tempfile.TemporaryDirectory() as folder:
            for domain in DOMAINS:
                write_part(Path(folder), domain, PART + (RELOADS if domain in ("gamma", "delta") else ""))
            house = House(Path(folder))
            await house.open()
            await house.start(texts[0])
            for text in texts[1:]:
                house.write(text)
                house.edits.request()
                await house.apply()
            await nothing_is_starting(house)
            pictures.append(picture(house))
            await house.close()
            assert len(asyncio.all_tasks()) == 1
    return pictures[0], pictures[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(edit, min_size=1, max_size=6), last=valid_part)
def test_any_way_to_a_valid_text_ends_in_the_same_hub(edits: list[tuple[str, str]], last: dict[str, Any]) -> None:
    edited, fresh = asyncio.run(_after(edits, as_yaml(last)))
    edited["entries"] = dict(sorted(edited["entries"].items()))
    fresh["entries"] = dict(sorted(fresh["entries"].items()))
    assert edited == fresh
