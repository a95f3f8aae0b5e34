"""Names made of text, the nearest spelling of a word, and values made short enough for one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from html import unescape
from typing import Any

_BY_MORE = """
ж:zh х:kh ц:ts ч:ch ш:sh щ:shch ю:iu я:ia ъ: ь: є:ie і:i ґ:g ђ:dj ј:j љ:lj њ:nj ћ:c џ:dz θ:th χ:ch ψ:ps
ß:ss æ:ae œ:oe ø:o đ:d ð:d þ:th ł:l ı:i ħ:h ŋ:ng €:eur £:ps °:deg µ:u μ:m
"""
_SPELLED: Mapping[str, str] = {
    **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziiklmnoprstufye", strict=True)),
    **dict(zip("αβγδεζηικλμνξοπρσςτυφω", "abgdeziiklmnxoprsstyfo", strict=True)),
    **dict(pair.split(":") for pair in _BY_MORE.split()),
}
"""Letters that do not become plain Latin ones by dropping their accents."""

LONGEST_WORD = 300  # characters; nothing resembles what is longer, and comparing it takes time

_QUOTE = re.compile(r"(?:> .*\n)+\n")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+);", re.IGNORECASE)
_PLAIN = re.compile(r"[a-z0-9_]*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
_OTHER = re.compile(r"[^a-z0-9]+")


def slugify(text: str | None) -> str:
    """What Home Assistant 2025.4 makes of a name in an entity id: ``"Küche (oben)"`` is ``kuche_oben``.

    Only small letters, digits and single underscores. ``unknown`` when nothing of the text can be kept, empty only
    for an empty text. Scripts other than Latin, Cyrillic and Greek are dropped.
    """
    if not text:
        return ""
    if _PLAIN.fullmatch(text) and "__" not in text and text.strip("_"):
        return text.strip("_")
    spelled = text.lower().replace("'", "_")
    if "&" in spelled:
        spelled = _ENTITY.sub(lambda found: unescape(found[0]), spelled)
    if spelled.isascii():
        return _OTHER.sub("_", _THOUSANDS.sub("", spelled)).strip("_") or "unknown"
    spelled = "".join(_SPELLED.get(letter, letter) for letter in unicodedata.normalize("NFC", spelled))
    spelled = unicodedata.normalize("NFKD", spelled)
    spelled = "".join(_SPELLED.get(letter, letter) for letter in spelled if not unicodedata.combining(letter))
    return _OTHER.sub("_", _THOUSANDS.sub("", spelled)).strip("_") or "unknown"


def nearest(word: object, candidates: Iterable[object]) -> str | None:
    """The candidate that was probably meant, or None when none is close."""
    wanted = str(word).strip().casefold().replace("-", "_").replace(" ", "_")
    known = {str(candidate).casefold(): str(candidate) for candidate in candidates}
    if wanted in known:
        return known[wanted]
    if len(wanted) > LONGEST_WORD:
        return None
    # Two letters swapped or one missing is close even in a short word, hence 0.6 and not more.
    import difflib  # seldom needed

    found = difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


def shorten(value: Any, limit: int = 60) -> str:
    """The value for a message: text in quotes, at most ``limit`` characters, secrets as dots."""
    if value is None:
        return "''"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and type(value) is str:
        text = value if len(value) <= limit else f"{value[: limit - 1]}…"
        return f"'{text}'".replace("\n", "\\n")
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def one_line(text: str, most: int) -> str:
    """What somebody calls himself, fit to stand in a sentence: one line of so many printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())[:most]


def cut_in_the_middle(text: str, limit: int) -> str:
    """The beginning and the end of a text that is longer than ``limit`` characters, and how much was left out."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


def without_quote(text: str) -> str:
    """A message without the lines at its head that quote what it replies to: ``> …``, and then a blank line."""
    found = _QUOTE.match(text)
    return text[found.end() :] if found else text
