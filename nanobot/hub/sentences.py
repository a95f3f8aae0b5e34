"""The sentences that somebody waits for. Consulted before anything else answers a person."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanobot.contracts.sentence import Heard, Match, Sentence
from nanobot.util.aio import Tasks, in_thread
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.sentence_matcher import Matcher

LONGEST = 300  # characters; nobody says sentences longer than that, and comparing takes time

_log = logging.getLogger(__name__)


class Sentences:
    """Costs nothing while there are none. What compares them is loaded, and runs, in a thread."""

    def __init__(self) -> None:
        self._sentences: dict[Sentence, None] = {}
        self._matcher: Matcher | None = None
        self._tasks = Tasks("sentences")

    def __len__(self) -> int:
        return len(self._sentences)

    async def check(self, templates: tuple[str, ...]) -> dict[str, str]:
        """The templates that cannot be used, and why."""
        wrong: dict[str, str] = await in_thread((await _module()).unreadable, templates)
        return wrong

    def add(self, sentence: Sentence) -> Callable[[], None]:
        """Wait for it from now on. The function returned ends that."""
        self._sentences[sentence] = None
        self._matcher = None

        def remove() -> None:
            if self._sentences.pop(sentence, self) is None:
                self._matcher = None

        return remove

    async def answer(self, heard: Heard) -> str | None:
        """None: nobody waits for this. Else all who do are told, and the first answer counts: an acknowledgement where
        none of them has one."""
        if not self._sentences or len(heard.text) > LONGEST or not heard.text.strip():
            return None
        found = await self._match(heard)
        if not found:
            return None
        work = [self._tasks.spawn(_ask(sentence, match), "sentence") for sentence, match in found]
        for done in asyncio.as_completed(work):
            answer = await done
            if answer is not None:
                return answer
        return translate("chat.done", heard.language)

    async def _match(self, heard: Heard) -> list[tuple[Sentence, Match]]:
        matcher = self._matcher
        if matcher is None:
            matcher = (await _module()).Matcher(tuple(self._sentences))
            self._matcher = matcher
        try:
            found: list[tuple[Sentence, Match]] = await in_thread(matcher.match, heard)
        except Exception:  # whatever the library makes of odd words, the person is to get an answer from others
            _log.exception("a message could not be compared with the sentences that are waited for")
            return []
        return [(sentence, match) for sentence, match in found if sentence in self._sentences]


async def _ask(sentence: Sentence, match: Match) -> str | None:
    try:
        return await sentence.handler(match)
    except Exception:  # one handler's mistake is neither the person's nor that of the others
        _log.exception("a sentence was heard, but what should answer it failed")
        return None


async def _module() -> Any:
    return await in_thread(importlib.import_module, "nanobot.hub.sentence_matcher")
