"""The Markdown parser: CommonMark with tables and strikethrough, as language models write it."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

NESTING = 60  # levels of quotes and lists; the parser leaves out what is deeper

_EAST_ASIAN = (
    (0x3000, 0x30FF),
    (0x3400, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """The parser's own rule, which also lets ``**词：**词`` be bold.

    CommonMark wants a blank between the stars and the next word when a punctuation mark stands before them; Chinese,
    Japanese and Korean have no such blanks.
    """
    marker = state.src[state.pos]
    if silent or marker not in "_*":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    end = state.pos + scanned.length
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    opens = scanned.can_open or (marker == "*" and _is_east_asian(before) and not after.isspace())
    closes = scanned.can_close or (marker == "*" and _is_east_asian(after) and not before.isspace())
    for _ in range(scanned.length):
        state.push("text", "", 0).content = marker
        state.delimiters.append(Delimiter(ord(marker), scanned.length, len(state.tokens) - 1, -1, opens, closes))
    state.pos = end
    return True


def _is_east_asian(character: str) -> bool:
    code = ord(character)
    return code >= 0x3000 and any(first <= code <= last for first, last in _EAST_ASIAN)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING + 2})
    parser.enable(["table", "strikethrough"])
    # A line of dashes under a text is meant as a rule, and what looks like a definition of a link is to be seen.
    parser.disable(["lheading", "reference"])
    parser.inline.ruler.at("emphasis", _emphasis)
    return parser


PARSER = _parser()
