"""Bytes, tags and fragments are put together right wherever they are cut."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from integrations.openai_compatible.check import is_listed
from integrations.openai_compatible.sse import LIMIT, Reader, TooBig
from nanobot.agent.models.answer import MOST, Answer
from nanobot.agent.models.calls import Calls
from nanobot.agent.models.failure import Trouble
from nanobot.agent.models.thoughts import Thoughts
from nanobot.errors import NotReady

EVENTS = (
    '\ufeff: hello\r\ndata: {"a":\r\ndata: "ä😀"}\r\n\r\nevent: x\ndata:2\n\nid: 1\n\ndata: 3\r\rdata\n\ndata: [DONE]'
).encode()
PAYLOADS = [b'{"a":\n"\xc3\xa4\xf0\x9f\x98\x80"}', b"2", b"3", b"[DONE]"]


def read(*chunks: bytes) -> list[bytes]:
    reader = Reader()
    return [*itertools.chain.from_iterable(reader.feed(chunk) for chunk in chunks if chunk), *reader.end()]


def test_events_are_read_wherever_the_stream_is_cut() -> None:
    assert read(EVENTS) == PAYLOADS
    for first in range(3, len(EVENTS)):  # the mark at the beginning comes in one
        for second in range(first, len(EVENTS), 7):
            assert read(EVENTS[:first], EVENTS[first:second], EVENTS[second:]) == PAYLOADS
    assert read(EVENTS[:3], *[bytes([byte]) for byte in EVENTS[3:]]) == PAYLOADS


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_document_is_read_as_one(size: int) -> None:
    text = b' \n {"a":\n\n "data: 1"}\n'
    assert [json.loads(one) for one in read(*[text[i : i + size] for i in range(0, len(text), size)])] == [
        {"a": "data: 1"}
    ]


@pytest.mark.parametrize("begin", [b"data: ", b'{"a": "', b"data: 1\n\ndata: 1\ndata: "])
def test_what_never_ends_is_refused(begin: bytes) -> None:
    with pytest.raises(TooBig):
        read(begin, *[b"x" * 65536] * (LIMIT // 65536 + 1))


def test_a_long_stream_of_short_events_is_not() -> None:
    reader = Reader()
    event = b"data: " + b"x" * 65536 + b"\n\n"
    assert sum(len(reader.feed(event)) for _ in range(LIMIT // 65536 + 10)) == LIMIT // 65536 + 10


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("plain", "", "plain"),
        ("  plain", "", "  plain"),
        ("<think>a < b</think>\n\nyes", "a < b", "yes"),
        ("\n<think>\na</think><think>b</think>c", "\nab", "c"),
        ("yes <think>no</think>", "", "yes <think>no</think>"),
        ("<thinking", "", "<thinking"),
        ("<thi", "", "<thi"),
        ("<think>never closed </thi", "never closed </thi", ""),
        ("<think></think>a</think>", "", "a</think>"),
    ],
)
def test_thoughts_are_told_from_the_answer_wherever_the_text_is_cut(text: str, thoughts: str, answer: str) -> None:
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            told = Thoughts()
            found = [told.feed(piece) for piece in (text[:first], text[first:second], text[second:])]
            found.append(told.end())
            assert ("".join(one for one, _ in found), "".join(two for _, two in found)) == (thoughts, answer)


def test_blanks_that_never_end_are_passed_on() -> None:
    told = Thoughts()
    passed = 0
    began = time.process_time()
    for _ in range(200_000):
        passed += len(told.feed("    ")[1])
    assert time.process_time() - began < 5
    assert passed > 700_000


Fragment = tuple[int | None, str | None, str | None, object]

FRAGMENTS: dict[str, tuple[list[Fragment], list[tuple[str, str]]]] = {
    "without arguments": ([(0, "a", "now", None)], [("now", "{}")]),
    "an id that comes late": ([(0, None, "now", "{"), (0, "a", None, "}")], [("now", "{}")]),
    "an id that is repeated": ([(0, "a", "now", "{"), (0, "a", "now", "}")], [("now", "{}")]),
    "two that take turns": (
        [(0, "a", "one", "["), (1, "b", "two", "{"), (0, None, None, "]"), (1, None, None, "}")],
        [("one", "[]"), ("two", "{}")],
    ),
    "no index": (
        [(None, "a", "one", "{"), (None, None, None, "}"), (None, "b", "two", "{}")],
        [("one", "{}"), ("two", "{}")],
    ),
    "one index, two ids": ([(0, "a", "one", "{}"), (0, "b", "one", "{}")], [("one", "{}"), ("one", "{}")]),
    "one index, no ids": ([(0, None, "one", "{}"), (0, None, "one", "{}")], [("one", "{}"), ("one", "{}")]),
    "the same id twice": ([(0, "a", "one", "{}"), (1, "a", "two", "{}")], [("one", "{}"), ("two", "{}")]),
    "a name in pieces": ([(0, "a", "get_", ""), (0, None, "time", "{}")], [("get_time", "{}")]),
    "an object": ([(0, "a", "one", {"x": 1})], [("one", '{"x":1}')]),
}


@pytest.mark.parametrize("case", FRAGMENTS)
def test_calls_are_gathered(case: str) -> None:
    fragments, wanted = FRAGMENTS[case]
    calls = Calls()
    for index, identity, name, arguments in fragments:
        calls.add({"id": identity, "function": {"name": name, "arguments": arguments}}, index)
    found = calls.whole()
    assert [(call.name, call.arguments) for call in found] == wanted
    assert len({call.id for call in found}) == len(found)
    assert all(call.id for call in found)


@pytest.mark.parametrize(
    "fragment",
    [
        {"index": 0, "function": {"arguments": "x" * 1000}},
        {"index": 0, "function": {"name": "now", "arguments": '{"x": 1} '}},
        {"function": {"name": "now", "arguments": "{}"}},
    ],
    ids=["arguments", "a name that is repeated", "calls"],
)
def test_calls_that_never_end_are_refused(fragment: dict[str, object]) -> None:
    answer = Answer(Trouble("local", "http://localhost", False, str))
    began = time.process_time()

    def take_all() -> None:
        for _ in range(MOST // 10):
            answer.add({"choices": [{"delta": {"tool_calls": [fragment]}}]})

    with pytest.raises(NotReady, match="4 MiB"):
        take_all()
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("model", "there"),
    [
        ("qwen3:8b", True),
        ("qwen3", False),
        ("smollm2", True),
        ("openai/gpt-oss-120b:free", True),
        ("gpt-oss", False),
    ],
)
def test_a_model_is_known_by_what_servers_list(model: str, there: bool) -> None:
    assert is_listed(model, ["qwen3:8b", "smollm2:latest", "openai/gpt-oss-120b"]) is there
