"""Every problem has its sentence in every language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.config import explain, load
from nanobot.paths import bundled

LANGUAGES = ("en", "de", "fr", "es", "zh")
_RAISED = re.compile(
    r'(?:Problem|Wrong|Fault|_problem|_fail|_unsuited|_broken|told_here|return)\(?\s*"([a-z0-9_]+)"[,)]'
)


def problems(language: str) -> dict[str, str]:
    data = json.loads((bundled("translations") / f"{language}.json").read_text(encoding="utf-8"))
    return dict(flat(data["problem"]))


def flat(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def used() -> set[str]:
    root = Path(load.__file__).parent.parent
    files = [*root.glob("config/*.py"), root / "util" / "yaml.py", *root.glob("lifecycle/*.py")]
    found = {key for file in files for key in _RAISED.findall(file.read_text(encoding="utf-8"))}
    return {key for key in found if key in problems("en") or "_" in key} - {"config_applied", "last_good"}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_language_lacks_a_sentence_or_a_placeholder(language: str) -> None:
    english, other = problems("en"), problems(language)
    assert set(other) == set(english)
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", text)), key


def test_every_problem_that_is_raised_has_a_sentence() -> None:
    assert used() - set(problems("en")) == set()


def test_every_kind_of_value_has_a_word() -> None:
    kinds = {key.removeprefix("kinds.") for key in problems("en") if key.startswith("kinds.")}
    assert set(explain._KINDS.values()) <= kinds
