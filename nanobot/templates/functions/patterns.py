"""Regular expressions that may come from anybody, and that end in time.

Python's ``re`` can need longer than the universe for thirty letters, holds the interpreter meanwhile and knows no time
limit. It does listen for signals though, so an alarm ends it: in the main thread, where the hub renders. Elsewhere, and
where there is no alarm, a pattern that could take long is refused or gets short texts only.
"""

from __future__ import annotations

import gc
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import get_ident, main_thread
from types import FrameType
from typing import Any, Final, TypeVar

from nanobot.templates.errors import Refused
from nanobot.templates.functions.arguments import LONGEST_TEXT, limited, text_of
from nanobot.templates.functions.shape import Shape, shape_of
from nanobot.templates.limits import MAX_SECONDS
from nanobot.util.text import shorten

_T = TypeVar("_T")

_LONGEST_PATTERN = 4096  # characters
_LONGEST_UNBOUND = 500  # characters of a pattern, where no alarm ends its reading
_SHORT = 1000  # characters; a text in which the alarm is heard soon enough whatever the pattern
_LONGEST_LOOKED_AT = 8 * 1024  # characters, where each place is the start of a look that may go to the end
_QUICK_STEPS = 20_000  # of the matcher; less than a millisecond
_MOST_STEPS: Final = 2e7  # where no alarm ends it; about half a second
_MOST_CHOICES = 10


@dataclass(frozen=True, slots=True)
class Pattern:
    compiled: re.Pattern[str]
    shape: Shape

    def steps_in(self, text: str) -> float:
        """How often the matcher moves at the worst, roughly."""
        if self.shape.nested:
            return float("inf") if text else 0
        return float(len(text)) ** min(self.shape.choices + 1, 20)

    def is_stepped_in(self, text: str) -> bool:
        """Whether each place is to be tried by itself, so that the alarm is heard between two of them."""
        return self.shape.may_be_stepped and len(text) > _SHORT

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """All places of the text that match, none overlapping another.

        The matcher listens for the alarm once in some thousand tries. Where each of them may read the whole text in
        vain that is too late, hence the tries one by one.
        """
        if not self.is_stepped_in(text):
            yield from self.compiled.finditer(text)
            return
        match, prefix, start = self.compiled.match, self.shape.prefix, 0
        while (start := text.find(prefix, start)) >= 0:
            if found := match(text, start):
                yield found
                start = found.end()
            else:
                start += 1


class _Late(Exception):
    """The alarm went off."""


class _Alarm:
    """A clock of the processor time that the process uses, set while a pattern is matched and at no other time."""

    def __init__(self) -> None:
        self._is_set = False
        self._is_installed = False

    def _rings(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_set:
            raise _Late

    def is_free(self) -> bool:
        """Whether there is one, and nobody else uses it. Signals reach the main thread only."""
        if get_ident() != main_thread().ident or not hasattr(signal, "setitimer"):
            return False
        if not self._is_installed:
            if signal.getsignal(signal.SIGVTALRM) != signal.SIG_DFL:
                return False
            signal.signal(signal.SIGVTALRM, self._rings)
            self._is_installed = True
        return signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0

    def within(self, function: Callable[[], _T]) -> _T:
        """Raises ``_Late`` when the function has not ended after ``MAX_SECONDS``.

        Meanwhile no garbage is collected: that is not the pattern's time, and what is raised then is ignored.
        """
        collects = gc.isenabled()
        try:
            gc.disable()
            try:
                self._is_set = True
                signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
                return function()
            finally:
                self._is_set = False  # the alarm may still go off here, but not below
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if collects:
                gc.enable()


_alarm = _Alarm()


def run(function: Callable[..., Any], name: str, value: object, find: object, ignorecase: Any, *more: Any) -> Any:
    """``function(pattern, text, *more)``, which ends in time.

    Raises ValueError for what is no pattern, and ``Refused`` for what takes too long.
    """
    text = text_of(name, value)
    find = limited(name, find if isinstance(find, str) else str(find), _LONGEST_PATTERN)
    try:
        pattern = _pattern(find, bool(ignorecase))
        if pattern.shape.only_looks and len(text) > _LONGEST_LOOKED_AT:
            raise Refused(f"the pattern {shorten(find)} takes texts of at most {_LONGEST_LOOKED_AT:,} characters")
        if pattern.steps_in(text) <= _QUICK_STEPS:
            return function(pattern, text, *more)
        if _alarm.is_free():
            return _alarm.within(partial(function, pattern, text, *more))
        _check(pattern, text)
        return function(pattern, text, *more)
    except _Late:
        raise Refused(
            f"{name} with the pattern {shorten(find)} takes longer than {MAX_SECONDS * 1000:g} ms; "
            "repetitions inside of repetitions, or several one after another, make it slow"
        ) from None


@lru_cache(maxsize=256)
def _pattern(text: str, ignorecase: bool) -> Pattern:
    if _alarm.is_free():
        return _alarm.within(partial(_read, text, ignorecase))
    return _read(limited("A regular expression outside of the hub's main thread", text, _LONGEST_UNBOUND), ignorecase)


def _read(text: str, ignorecase: bool) -> Pattern:
    try:
        compiled = re.compile(text, re.IGNORECASE if ignorecase else 0)
        return Pattern(compiled, shape_of(compiled))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{shorten(text)} is not a regular expression: {error}") from None


def _check(pattern: Pattern, text: str) -> None:
    """Raises ``Refused`` where nothing but the pattern and the text tell how long it may take."""
    if pattern.shape.nested:
        why = "has a repetition inside of a repetition, which may take for ever"
    elif pattern.shape.choices > _MOST_CHOICES or pattern.steps_in(text) > max(_MOST_STEPS, LONGEST_TEXT):
        why = f"may take too long in a text of {len(text):,} characters"
    else:
        return
    raise Refused(f"the pattern {shorten(pattern.compiled.pattern)} {why}")
