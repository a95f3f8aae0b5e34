"""Long texts in pieces: none too long, nothing lost, each of them Markdown of its own."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nanobot.util.split import split, utf16_units

FAMILY = "👨🏽\u200d👩🏽\u200d👧🏽\u200d👦🏽"
WORDS = st.text(alphabet="ab .\n", max_size=60)
CODE_LINES = st.lists(st.text(alphabet="xy (){};", max_size=30), max_size=30)


def fence_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip(" >-").startswith("```")]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Paragraphs and fenced code blocks by turns."""
    blocks = []
    for _ in range(draw(st.integers(1, 5))):
        blocks.append(draw(WORDS))
        language = draw(st.sampled_from(["", "python", "c++"]))
        indent = draw(st.sampled_from(["", "  ", "> "]))
        lines = [f"```{language}", *draw(CODE_LINES), "```"]
        blocks.append("\n".join(indent + line for line in lines))
    return "\n".join(blocks)


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("", 10, []),
        (" \n\n ", 10, []),
        ("short", 10, ["short"]),
        ("first paragraph\n\nsecond one", 20, ["first paragraph", "second one"]),
        ("a line\nanother line", 12, ["a line", "another line"]),
        ("Said. And done it all", 15, ["Said. And done", "it all"]),
        ("One sentence. Two", 14, ["One sentence.", "Two"]),
        ("unbroken" * 2, 8, ["unbroken", "unbroken"]),
        ("list:\n  - indented", 8, ["list:", "  -", "indented"]),
    ],
)
def test_a_text_is_cut_where_a_reader_would(text: str, limit: int, pieces: list[str]) -> None:
    assert split(text, limit) == pieces


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one character"):
        split("text", 0)


@given(st.text(max_size=400), st.integers(1, 50), st.booleans())
def test_nothing_but_blanks_is_lost_and_no_piece_is_too_long(text: str, limit: int, utf16: bool) -> None:
    if "```" in text or "~~~" in text:
        return
    pieces = split(text, limit, utf16=utf16)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    for piece in pieces:
        assert piece.strip()
        # an emoji is two units; where but one fits it is sent all the same
        assert (utf16_units(piece) if utf16 else len(piece)) <= max(limit, 2 if utf16 else 1)


@given(documents(), st.integers(60, 200))
@example("```\n" + "x" * 300 + "\n```", 60)
@example("word " * 10 + "\n```python\n" + "x = 1\n" * 40 + "```\nend", 60)
@settings(deadline=None)
def test_each_piece_closes_the_code_block_it_opens(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    assert all(len(fence_lines(piece)) % 2 == 0 for piece in pieces)
    kept = [line for piece in pieces for line in piece.split("\n") if line not in fence_lines(piece)]
    before = [line for line in text.split("\n") if line not in fence_lines(text)]
    assert re.sub(r"\s|>", "", "".join(kept)) == re.sub(r"\s|>", "", "".join(before))


def test_a_parted_code_block_keeps_its_language_and_its_indent() -> None:
    code = "\n".join(f"    call({n})" for n in range(20))
    first, second, *_ = split(f"1. Run this:\n   ```python title\n{code}\n   ```\nDone.", 150)
    assert first.startswith("1. Run this:\n   ```python title\n    call(0)\n")
    assert first.endswith(")\n   ```")
    assert second.startswith("   ```python title\n    call(")


def test_a_code_block_that_would_begin_late_begins_in_the_next_piece() -> None:
    text = "words " * 20 + "\n\n```sh\n" + "ls -l\n" * 10 + "```"
    assert split(text, 150) == [("words " * 20).strip(), "```sh\n" + "ls -l\n" * 10 + "```"]


def test_a_cut_before_the_last_fence_leaves_no_empty_block_behind() -> None:
    text = "```\n" + "x" * 92 + "\n```\nend"
    for limit in range(60, len(text)):
        assert not any("```\n```" in piece for piece in split(text, limit))


def test_a_fence_within_another_does_not_end_it() -> None:
    text = "````markdown\n" + "```\ninner\n```\n" * 20 + "````\nafter"
    pieces = split(text, 100)
    assert all(piece.startswith("````markdown\n") and piece.endswith("\n````") for piece in pieces[:-1])
    assert pieces[-1].endswith("````\nafter")


@pytest.mark.parametrize(
    "unit",
    [FAMILY, "🇩🇪", "e\u0301", "👍🏽", "1\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e007f", "\u1100\u1161\u11a8"],
)
@pytest.mark.parametrize("utf16", [False, True])
def test_a_joined_character_stays_whole(unit: str, utf16: bool) -> None:
    longest = utf16_units(unit)
    for limit in range(2 * longest, 3 * longest + 3):
        for piece in split(unit * 20, limit, utf16=utf16):
            assert piece == unit * (len(piece) // len(unit))


def test_utf16_counts_an_emoji_twice() -> None:
    assert split("😀" * 10, 10) == ["😀" * 10]
    assert split("😀" * 10, 10, utf16=True) == ["😀" * 5, "😀" * 5]
    assert split("ä" * 10, 10, utf16=True) == ["ä" * 10]


@pytest.mark.parametrize(
    "unit",
    [
        "word. ",
        "x",
        "\n",
        "😀",
        "\u0301",
        "🇩🇪",
        "```\ncode\n```\n",
        "`" * 3,
        "- " * 40 + "\n",
        "```\n" + "y" * 9000 + "\n",
    ],
    ids=lambda unit: repr(unit)[:20],
)
def test_a_megabyte_takes_no_time(unit: str) -> None:
    text = "a" + unit * (1_000_000 // len(unit)) + "z"
    started = time.process_time()
    split(text, 4096, utf16=True)
    assert time.process_time() - started < 1.5  # about 0.05 s on an idle machine; what is not linear takes minutes
