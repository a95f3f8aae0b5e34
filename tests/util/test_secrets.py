"""Secrets do not show."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobot.util.secrets import ScrubbedStream, Scrubber, Secret, SecretText, masked, texts


def test_a_secret_text_works_as_text_but_does_not_show_in_a_repr() -> None:
    value = SecretText("hunter2")
    assert value == "hunter2"
    assert f"Bearer {value}" == "Bearer hunter2"
    assert repr({"password": value}) == "{'password': '••••'}"
    assert json.loads(orjson.dumps({"a": value})) == {"a": "hunter2"}


def test_a_secret_has_to_be_asked_for() -> None:
    secret = Secret("hunter2")
    assert str(secret) == "••••"
    assert f"{secret} {secret!r} {[secret]}" == "•••• '••••' ['••••']"
    assert secret.reveal() == "hunter2"
    assert type(Secret(SecretText("hunter2")).reveal()) is str


def test_secrets_are_compared_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert copy.deepcopy({"t": Secret("a")}) == {"t": Secret("a")}


@pytest.mark.parametrize("write", [json.dumps, orjson.dumps, pickle.dumps], ids=["json", "orjson", "pickle"])
def test_a_secret_is_not_written(write: object) -> None:
    with pytest.raises(TypeError):
        write(Secret("hunter2"))  # type: ignore[operator]


def test_a_tree_of_secrets_is_masked_and_listed() -> None:
    tree = {"a": "one", "b": ["two", 3, None, True]}
    assert repr(masked(tree)) == "{'a': '••••', 'b': ['••••', 3, None, True]}"
    assert masked(tree) == tree
    assert list(texts(tree)) == ["one", "two", "3"]


def test_the_scrubber_hides_what_it_knows() -> None:
    scrubber = Scrubber()
    assert scrubber.scrub("hunter2") == "hunter2"
    scrubber.add("hunter2", "hunter2 and more", "abc")
    assert scrubber.scrub("say hunter2 and more, hunter2; abc") == "say ••••, ••••; abc"
    scrubber.add("first line\nsecond line")
    assert scrubber.scrub("got second line") == "got ••••"


def test_the_scrubber_may_be_fed_from_many_threads() -> None:
    scrubber = Scrubber()

    def feed(number: int) -> None:
        for i in range(50):
            scrubber.add(f"secret-{number}-{i}")

    threads = [threading.Thread(target=feed, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("secret" not in scrubber.scrub(f"x secret-{n}-{i} y") for n in range(4) for i in range(50))


@given(
    secrets=st.lists(st.text("ab", min_size=4, max_size=8), min_size=1, max_size=3),
    pieces=st.lists(st.text("abc ", max_size=9), max_size=12),
)
def test_however_a_text_is_cut_no_secret_comes_through_and_the_rest_does(secrets: list[str], pieces: list[str]) -> None:
    scrubber = Scrubber(secrets)
    stream = ScrubbedStream(scrubber)
    shown = "".join([*map(stream.say, pieces), stream.rest()])
    assert shown == scrubber.scrub("".join(pieces))
    assert not any(secret in shown for secret in secrets)


def test_nothing_is_held_back_longer_than_it_may_be_the_beginning_of_a_secret() -> None:
    stream = ScrubbedStream(Scrubber(["hunter2"]))
    assert [stream.say(piece) for piece in ("It is hun", "ting season, hunt", "er2", "!")] == [
        "It is ", "hunting season, ", "••••", "!"]  # fmt: skip
    stream.say("hunt")
    stream.drop()
    assert stream.rest() == ""
