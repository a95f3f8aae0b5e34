"""Markdown, as language models write it, to the HTML that Telegram takes.

https://core.telegram.org/bots/api#html-style: a dozen tags, of which ``code`` and ``pre`` hold nothing but text, and
no quote another one. What Telegram has no tag for becomes text that reads well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import unquote

from markdown_it.token import Token

from nanobot.util.split import utf16_units

from . import tables
from .parser import NESTING, PARSER

RULE = "———"
BULLETS = "•◦▪"
BOXES = {"[ ] ": "☐", "[x] ": "☑", "[X] ": "☑"}

_STYLES = {"strong": "b", "em": "i", "s": "s"}
_LINK = re.compile(r"tg://\S|https?://(?:[^/?#]*@)?(?:\[|[^/?#:]*\.[^/?#:])", re.IGNORECASE)
"""What Telegram makes a link of; all others it drops without a word, hosts without a dot among them."""


@dataclass(frozen=True, slots=True)
class Html:
    """A text for Telegram; ``units`` is the length of what the reader sees, in UTF-16 code units."""

    text: str
    units: int


def to_html(markdown: str, *, aligned: bool = True) -> Html | None:
    """The HTML of a Markdown text. None when nothing would be seen of it, or when it is nested beyond all sense.

    It is hardly ever longer than its source, but for tables: ``aligned=False`` leaves out the blanks that align them.
    """
    source = markdown.replace("\r\n", "\n").replace("\r", "\n")
    tokens = PARSER.parse(source)
    if any(token.level >= NESTING for token in tokens):
        return None
    page = _Page(source.split("\n"), aligned)
    page.blocks(iter(tokens))
    return page.html()


Style = tuple[str, str]
"""A tag, and how it is opened."""


class _Page:
    """What is written so far. Tags are opened and closed when the next text is written, so none is empty."""

    def __init__(self, lines: Sequence[str], aligned: bool) -> None:
        self._lines = lines
        self._aligned = aligned
        self._parts: list[str] = []
        self._units = 0
        self._blank = True
        self._wanted: list[Style] = []
        self._open: list[Style] = []
        self._indent = ""
        self._address = ""
        self._written = 0

    def html(self) -> Html | None:
        """The whole page; None when nothing can be seen on it."""
        self._set_styles([], begin=False)
        return None if self._blank else Html("".join(self._parts), self._units)

    # -- blocks ---------------------------------------------------------------------------------

    def blocks(self, tokens: Iterator[Token], until: str = "") -> None:
        """Write blocks up to the token that ends them. Between two stands what stood there in the source."""
        first = True
        for token in tokens:
            if token.type == until:
                return
            if token.nesting < 0:
                continue
            if not first:
                self._gap(token)
            first = False
            self._block(token, tokens)

    def _block(self, token: Token, tokens: Iterator[Token]) -> None:
        match token.type:
            case "paragraph_open":
                self._inline(next(tokens).children)
            case "heading_open":
                self._styled("b", "<b>")
                self._inline(next(tokens).children)
                self._wanted.pop()
            case "blockquote_open":
                self._styled("blockquote", "<blockquote>")
                self.blocks(tokens, "blockquote_close")
                self._wanted.pop()
            case "bullet_list_open" | "ordered_list_open":
                self._list(token, tokens)
            case "table_open":
                self._pre(tables.draw(tables.read(tokens, plain), aligned=self._aligned))
            case "fence" | "code_block":
                self._pre(token.content.removesuffix("\n"), token.info)
            case "hr":
                self._write(RULE)
            case _:
                self._write(token.content)

    def _gap(self, token: Token) -> None:
        line = token.map[0] if token.map else 0
        if line and not self._lines[line - 1].strip(" \t>"):
            self._write("\n")
        self._new_line()

    def _list(self, token: Token, tokens: Iterator[Token]) -> None:
        number = int(token.attrs.get("start", 1)) if token.type.startswith("ordered") else None
        bullet = BULLETS[min(len(self._indent) // 2, len(BULLETS) - 1)]
        first = True
        for item in tokens:
            if item.nesting < 0:
                return
            if not first:
                self._gap(item)
            first = False
            self._write(bullet if number is None else f"{number}{token.markup}")
            self._item(tokens, is_bullet=number is None)
            number = None if number is None else number + 1

    def _item(self, tokens: Iterator[Token], *, is_bullet: bool) -> None:
        indent, self._indent = self._indent, self._indent + "  "
        first = next(tokens)
        if first.type != "list_item_close":
            if first.type == "paragraph_open":
                inline = next(tokens)
                self._entry(inline.children or [], is_bullet=is_bullet)
            else:
                self._write(" ")
                self._block(first, tokens)
            self._rest(tokens)
        self._indent = indent

    def _rest(self, tokens: Iterator[Token]) -> None:
        for token in tokens:
            if token.type == "list_item_close":
                return
            if token.nesting >= 0:
                self._gap(token)
                self._block(token, tokens)

    def _entry(self, children: list[Token], *, is_bullet: bool) -> None:
        """The first line of an item; one with a box to tick has the box instead of the bullet."""
        box = BOXES.get(children[0].content[:4]) if is_bullet and children and children[0].type == "text" else None
        if box is not None:
            self._parts[-1] = box
            children[0].content = children[0].content[4:]
        self._write(" ")
        self._inline(children)

    def _pre(self, text: str, info: str = "") -> None:
        words = info.split()
        self._styled("pre", "<pre>")
        if words:
            self._styled("code", f'<code class="language-{escape(words[0])}">')
        self._write(text, verbatim=True)
        self._wanted = [style for style in self._wanted if style[0] not in ("pre", "code")]

    # -- text -----------------------------------------------------------------------------------

    def _inline(self, children: Sequence[Token] | None) -> None:
        for token in children or ():
            kind, _, side = token.type.partition("_")
            if kind in _STYLES and side == "open":
                self._styled(_STYLES[kind], f"<{_STYLES[kind]}>")
            elif kind in _STYLES:
                self._wanted.pop()
            elif kind == "link":
                self._link(token)
            elif token.type == "code_inline":
                self._code(token.content)
            elif kind == "image":
                self._image(token)
            elif kind in ("softbreak", "hardbreak"):
                self._new_line()
            else:
                self._write(token.content)

    def _link(self, token: Token) -> None:
        if token.nesting > 0:
            self._address, self._written = str(token.attrs["href"]), len(self._parts)
            self._styled("a", _anchor(self._address))
            return
        text = unescape("".join(self._parts[self._written :]))
        if not text.strip():
            self._write(unquote(self._address))
        _, opening = self._wanted.pop()
        if not opening and text.strip():
            self._write(_aside(text, self._address))

    def _image(self, token: Token) -> None:
        address, name = str(token.attrs["src"]), plain(token.children or ()).strip()
        anchor = _anchor(address)
        self._styled("a", anchor)
        self._write(name or unquote(address))
        self._wanted.pop()
        if name and not anchor:
            self._write(_aside(name, address))

    def _code(self, text: str) -> None:
        if any(tag == "a" for tag, _ in self._wanted):
            self._write(text)
            return
        wanted, self._wanted = self._wanted, [style for style in self._wanted if style[0] == "blockquote"]
        self._styled("code", "<code>")
        self._write(text)
        self._wanted = wanted

    def _styled(self, tag: str, opening: str) -> None:
        self._wanted.append((tag, opening))

    def _new_line(self) -> None:
        self._write("\n" + self._indent)

    def _write(self, text: str, *, verbatim: bool = False) -> None:
        if not text:
            return
        self._set_styles(self._wanted, begin=verbatim or bool(text.strip()))
        self._blank = self._blank and not text.strip()
        self._parts.append(escape(text, quote=False))
        self._units += utf16_units(text)

    def _set_styles(self, wanted: Sequence[Style], *, begin: bool) -> None:
        """End what is not wanted any more; begin what is wanted, unless only blanks follow."""
        tags: dict[str, str] = {}
        for tag, opening in wanted:
            if opening:
                tags.setdefault(tag, opening)
        styles = list(tags.items())
        same = 0
        while same < min(len(styles), len(self._open)) and styles[same] == self._open[same]:
            same += 1
        self._parts.extend(f"</{tag}>" for tag, _ in reversed(self._open[same:]))
        del self._open[same:]
        if begin:
            self._parts.extend(opening for _, opening in styles[same:])
            self._open = styles


def _anchor(address: str) -> str:
    return f'<a href="{escape(address)}">' if _LINK.match(address) else ""


def _aside(text: str, address: str) -> str:
    """The address after a text, unless the text says it."""
    address = unquote(address).removeprefix("mailto:")
    return "" if address in text else f" ({address})"


def plain(children: Sequence[Token]) -> str:
    """The text of one line without any style."""
    parts: list[str] = []
    address, written = "", 0
    for token in children:
        match token.type:
            case "link_open":
                address, written = str(token.attrs["href"]), len(parts)
            case "link_close":
                parts.append(_aside("".join(parts[written:]), address))
            case "image":
                name = plain(token.children or ())
                parts.append(name + _aside(name, str(token.attrs["src"])))
            case "softbreak" | "hardbreak":
                parts.append(" ")
            case _:
                parts.append(token.content)
    return "".join(parts)
