"""Compares what was said with the sentences that are waited for.

Nothing here may run on the event loop: importing hassil takes 150 ms, and the first comparison parses the sentences.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from hassil.errors import HassilError
from hassil.intents import Intents
from hassil.parse_expression import ParseExpressionError
from hassil.parser import ParseError
from hassil.recognize import RecognizeResult, recognize_all

from nanobot.contracts.sentence import Heard, Match, Sentence

_SLOT = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_ERRORS = (HassilError, ParseError, ParseExpressionError, ValueError, AssertionError, IndexError, RecursionError)


class Matcher:
    """For one set of sentences."""

    def __init__(self, sentences: tuple[Sentence, ...]) -> None:
        self._sentences = sentences
        self._intents: Intents | None = None
        self._lock = threading.Lock()  # hassil parses sentences when it first looks at them

    def match(self, heard: Heard) -> list[tuple[Sentence, Match]]:
        """Those that were said, each once, in the order in which they were added."""
        with self._lock:
            if self._intents is None:
                self._intents = _intents([sentence.templates for sentence in self._sentences])
            found: dict[int, RecognizeResult] = {}
            for result in recognize_all(heard.text, self._intents, language=heard.language):
                found.setdefault(int(result.intent.name), result)
        return [(self._sentences[index], Match(heard, _slots(found[index]))) for index in sorted(found)]


def unreadable(templates: Iterable[str]) -> dict[str, str]:
    """The templates that cannot be used, and why."""
    wrong = {}
    for template in templates:
        try:
            intents = _intents([(template,)])
            for text in (
                template,
                "x",
            ):  # all parts of a sentence are only looked at when something is compared with it
                list(recognize_all(text, intents))
        except _ERRORS as error:
            wrong[template] = str(error) or type(error).__name__
    return wrong


def _intents(sentences: Iterable[Iterable[str]]) -> Intents:
    listed = [list(templates) for templates in sentences]
    slots = {found[1] for templates in listed for template in templates for found in _SLOT.finditer(template)}
    return Intents.from_dict(
        {
            "language": "en",
            "lists": {slot: {"wildcard": True} for slot in slots},
            "intents": {str(index): {"data": [{"sentences": one}]} for index, one in enumerate(listed)},
        }
    )


def _slots(result: RecognizeResult) -> dict[str, str]:
    return {name: str(entity.text).strip() for name, entity in result.entities.items()}
