"""``repeat``: how often, with what, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.automation.conftest import Play


@pytest.mark.parametrize(
    ("count", "rounds"),
    [
        (3, 3),
        ("3", 3),
        (2.7, 2),
        ("2.7", 2),
        (True, 1),
        (0, 0),
        ("{{ n }}", 2),
        ("{{ '2' }}", 2),
        ("{{ 2.7 }}", 2),
        ("{{ '2.5' }}", 2),
        ("{{ -1 }}", 0),
    ],
)
async def test_a_count_is_a_number_or_a_template(play: Play, count: Any, rounds: int) -> None:
    await play.set_up([{"repeat": {"count": count, "sequence": [{"say": "{{ repeat.index }}"}]}}, {"say": "end"}])
    assert await play.call(n=2) == [*range(1, rounds + 1), "end"]


ITEMS: dict[str, tuple[Any, list[Any]]] = {
    "list": (["a", 2, {"x": "{{ 1 + 1 }}"}, ["{{ n }}"], True], ["a", 2, {"x": 2}, [3], True]),
    "template in a list": (["{{ [1, 2] }}"], [[1, 2]]),
    "template of a list": ("{{ range(3) | list }}", [0, 1, 2]),
    "text that reads like a list": ("{{ '[1, 2]' }}", [1, 2]),
    "items of a mapping": ("{{ {'a': 1}.items() | list }}", [["a", 1]]),
    "nothing": ([], []),
    "template of nothing": ("{{ [] }}", []),
}


@pytest.mark.parametrize(("for_each", "items"), ITEMS.values(), ids=ITEMS)
async def test_for_each_takes_what_is_a_list(play: Play, for_each: Any, items: list[Any]) -> None:
    await play.set_up([{"repeat": {"for_each": for_each, "sequence": [{"say": "{{ repeat.item }}"}]}}, {"say": "end"}])
    assert await play.call(n=3) == [*items, "end"]


@pytest.mark.parametrize(
    "repeat",
    [
        {"count": "{{ 'abc' }}"},
        {"count": "{{ none }}"},
        {"count": "{{ 1 / 0 }}"},
        {"for_each": "{{ 'abc' }}"},
        {"for_each": "{{ {'a': 1} }}"},
        {"for_each": "{{ range(3) }}"},
        {"for_each": "{{ none }}"},
        {"for_each": "{{ 1 / 0 }}"},
        {"for_each": [1, "{{ repeat.index }}"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("go_on", [False, True])
async def test_what_gives_no_sense_ends_the_run_and_its_caller_goes_on(
    play: Play, repeat: dict[str, Any], go_on: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await play.set_up(
        [{"action": "script.child"}, {"say": "caller"}],
        child=[{"repeat": {**repeat, "sequence": []}, "continue_on_error": go_on}, {"say": "never"}],
    )
    assert await play.call() == ["caller"]
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_nested_loops_have_their_own_variables(play: Play) -> None:
    said = await play("""
        - repeat:
            for_each: [a, b]
            sequence:
              - repeat: {for_each: [1, 2], sequence: [{say: "{{ repeat.item }}"}]}
              - say: "{{ repeat.item }} {{ repeat.first }} {{ repeat.last }}"
        - say: "{{ repeat is defined }}"
    """)  # fmt: skip
    assert said == [1, 2, "a True False", 1, 2, "b False True", False]


async def test_while_and_until_know_no_last_round(play: Play) -> None:
    said = await play("""
        - repeat: {while: ["{{ repeat.index < 2 }}", {or: ["{{ true }}"]}], sequence: [{say: "{{ repeat }}"}]}
        - repeat: {until: [], sequence: [{say: "{{ repeat }}"}]}
    """)  # fmt: skip
    assert said == [{"index": 1, "first": True}, {"index": 1, "first": True}]


@pytest.mark.parametrize(("kind", "rounds"), [("while", 2), ("until", 3)])
async def test_a_loop_ends_when_its_condition_cannot_be_decided(play: Play, kind: str, rounds: int) -> None:
    condition = f"{{{{ 1 / 0 if repeat.index == 3 else {kind == 'while'} }}}}"
    await play.set_up([{"repeat": {kind: condition, "sequence": [{"say": "{{ repeat.index }}"}]}}, {"say": "end"}])
    assert await play.call() == [*range(1, rounds + 1), "end"]


@pytest.mark.parametrize("condition", [{"while": "{{ true }}"}, {"until": "{{ false }}"}], ids=["while", "until"])
async def test_an_endless_loop_is_ended(
    play: Play, condition: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    await play.set_up(
        [{"action": "script.child"}, {"say": "caller"}],
        child=[{"repeat": {**condition, "sequence": []}}, {"say": "never"}],
    )
    said = await play.call()
    assert said == ["caller"]
    assert "10000 times" in caplog.text


async def test_more_rounds_than_anybody_wants_are_refused(play: Play) -> None:
    await play.set_up([{"repeat": {"count": 10**9, "sequence": []}}, {"say": "never"}])
    assert await play.call() == []
