"""An answer on its way to a client, which can never be taken back: what is said again, and what must not be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanobot.util.secrets import ScrubbedStream, Scrubber


@dataclass(frozen=True, slots=True)
class Piece:
    """``retract``: the text so far is no part of the answer. ``final``: the answer is complete; its text is the whole
    of it. ``failed``: there is none; the text says why."""

    kind: Literal["text", "retract", "thinking", "tool", "final", "failed"]
    text: str = ""


class Spoken:
    """Turns pieces into what is still to be written, so that all that was written reads as one text.

    An answer that begins anew with the same words goes on where it was; one with other words begins a new paragraph.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        self._written: list[str] = []
        self._coming = ScrubbedStream(scrubber)
        self._shown = ""
        """What the client has read since the last new paragraph, where that is not what was said."""
        self._pieces: list[str] = []
        """What was said since the last retraction."""
        self._in_step = True
        """What was said is what the client has read."""

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._written)

    def say(self, text: str) -> str:
        """Take a piece; gives what of it can be written."""
        return self._say(self._coming.say(text))

    def retract(self) -> None:
        """What was said so far is void."""
        if self._in_step:
            self._shown = "".join(self._pieces)
        self._in_step = not self._shown
        self._pieces.clear()
        self._coming.drop()

    def finish(self, final: str | None = None) -> str:
        """The end. ``final`` is the whole answer, where that is known better than by its pieces."""
        more = self._say(self._coming.rest())
        said = "".join(self._pieces)
        if final is not None and final.strip() != said.strip():
            whole, known = final.strip(), said.strip()  # what went out with files has lost its blanks
            if self._in_step and known and whole.startswith(known):
                return more + self._write(whole[len(known) :].removeprefix(said[len(said.rstrip()) :]))
            shown = said if self._in_step else self._shown
            self._shown, self._in_step, self._pieces = shown, False, []
            more += self._say(final)
        if self._in_step or "".join(self._pieces) in ("", self._shown):
            return more
        # it is the beginning of what was retracted, and all there is
        return more + self._write("\n\n" + "".join(self._pieces))

    def _say(self, text: str) -> str:
        if not text:
            return ""
        self._pieces.append(text)
        if self._in_step:
            return self._write(text)
        said = "".join(self._pieces)
        if len(said) < len(self._shown) and self._shown.startswith(said):
            return ""
        self._in_step = True
        if said.startswith(self._shown):
            return self._write(said[len(self._shown) :])
        return self._write(f"\n\n{said}" if self._shown.strip() else said)

    def _write(self, text: str) -> str:
        if text:
            self._written.append(text)
        return text


class Cut:
    """Text up to the first of some words. What may be the beginning of one is held until it is clear."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._held = ""
        self._is_over = False
        self._told: list[str] = []

    @property
    def text(self) -> str:
        """All that was let through."""
        return "".join(self._told)

    def let(self, text: str) -> str:
        """What of a piece, and of what was held before it, can be told."""
        if self._is_over:
            return ""
        whole = self._held + text
        found = [at for word in self._words if (at := whole.find(word)) >= 0]
        self._is_over = bool(found)
        end = min(found) if found else len(whole) - self._begun(whole)
        self._held = "" if found else whole[end:]
        return self._tell(whole[:end])

    def rest(self) -> str:
        """What was held: nothing more comes."""
        held, self._held = self._held, ""
        return self._tell(held)

    def _begun(self, text: str) -> int:
        """How many of the last characters begin one of the words."""
        longest = max(map(len, self._words), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(word.startswith(text[-size:]) for word in self._words):
                return size
        return 0

    def _tell(self, text: str) -> str:
        self._told.append(text)
        return text
