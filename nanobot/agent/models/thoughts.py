"""Thoughts in tags: `<think>…</think>` before the answer, as many local models write them."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"
MOST_HELD = 1000  # characters before which a tag is waited for


class Thoughts:
    """Tells thoughts from the answer, piece by piece.

    A tag counts only as long as nothing of the answer has come: later on it is something the answer talks about.
    """

    def __init__(self) -> None:
        self.over = False
        """From now on all is answer, and need not be fed."""
        self._thinking = False
        self._thought = False
        self._held = ""

    def feed(self, piece: str) -> tuple[str, str]:
        """The thoughts and the answer in this piece; what may be the beginning of a tag waits for the next one."""
        thoughts = ""
        self._held += piece
        while not self.over:
            if self._thinking:
                before, tag, self._held = self._held.partition(CLOSE)
                if not tag:
                    keep = _begun(before, CLOSE)
                    self._held = before[len(before) - keep :]
                    return thoughts + before[: len(before) - keep], ""
                thoughts += before
                self._thinking = False
                continue
            start = self._held.lstrip()
            if start.startswith(OPEN):
                self._held = start.removeprefix(OPEN)
                self._thinking = self._thought = True
            elif OPEN.startswith(start) and len(self._held) <= MOST_HELD:
                return thoughts, ""
            else:
                self.over = True
        return thoughts, self._rest()

    def end(self) -> tuple[str, str]:
        """What was held back."""
        return (self._rest(), "") if self._thinking else ("", self._rest())

    def _rest(self) -> str:
        rest, self._held = self._held, ""
        return rest.lstrip() if self._thought and not self._thinking else rest


def _begun(text: str, tag: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``tag``."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:n])), 0)
