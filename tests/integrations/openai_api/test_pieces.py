"""An answer that can never be taken back: however it is cut, repeated or corrected, it reads as one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.openai_api.pieces import Cut, Spoken
from nanobot.util.secrets import Scrubber


def read(*said: str | None, final: str | None = None, secrets: tuple[str, ...] = ()) -> str:
    """What a client reads; None is a retraction."""
    spoken = Spoken(Scrubber(secrets))
    found = []
    for text in said:
        if text is None:
            spoken.retract()
        else:
            found.append(spoken.say(text))
    found.append(spoken.finish(final))
    assert "".join(found) == spoken.text
    return spoken.text


@pytest.mark.parametrize(
    ("said", "final", "expected"),
    [
        (("a", "b"), None, "ab"),
        (("a", "b"), "ab", "ab"),
        ((), "all of it", "all of it"),
        (("ab",), "ab\n\ncut off", "ab\n\ncut off"),
        ((" ab ",), "ab \n[a.png]", " ab \n[a.png]"),
        ((" ab ",), "ab", " ab "),
        (("I look", None, "It is"), None, "I look\n\nIt is"),
        (("I look", None, "I l", "ook twice"), None, "I look twice"),
        (("I look", None, "I look"), "I look", "I look"),
        (("I look", None, "I"), "I", "I look\n\nI"),
        (("I look", None), "", "I look"),
        (("a", None, "b", None, "c"), None, "a\n\nb\n\nc"),
        ((None, "a"), None, "a"),
        (("a", None, None, "a"), None, "a"),
    ],
)
def test_what_is_said_again(said: tuple[str | None, ...], final: str | None, expected: str) -> None:
    assert read(*said, final=final) == expected


@given(pieces=st.lists(st.text(alphabet="abs3cret ", max_size=6), max_size=12))
def test_a_secret_is_never_read_however_it_is_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    secrets = ("secret", "secrets3", "cretab", "tss")
    told = read(*pieces, secrets=secrets)
    assert told == Scrubber(secrets).scrub(text)


@given(secret=st.text(alphabet="xy", min_size=4, max_size=8), cut=st.integers(0, 20), before=st.text("xyz", max_size=8))
def test_a_secret_that_repeats_itself_is_found_as_well(secret: str, cut: int, before: str) -> None:
    text = before + secret + "z"
    assert secret not in read(text[:cut], text[cut:], secrets=(secret,))


@given(st.lists(st.text("ab\n", max_size=6), max_size=8), st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3))
def test_a_text_ends_before_the_first_of_some_words_however_it_is_cut(pieces: list[str], words: list[str]) -> None:
    cut = Cut(tuple(words))
    told = "".join(map(cut.let, pieces)) + cut.rest()
    whole = "".join(pieces)
    ends = [at for word in words if (at := whole.find(word)) >= 0]
    assert (told, cut.text) == (whole[: min(ends)] if ends else whole,) * 2


def test_nothing_is_held_that_cannot_begin_a_word() -> None:
    cut = Cut(("Observation:",))
    told = [cut.let(piece) for piece in ("Think. ", "Ob", "jects. Obs", "ervation: 5", "6")]
    assert [*told, cut.rest()] == ["Think. ", "", "Objects. ", "", "", ""]
