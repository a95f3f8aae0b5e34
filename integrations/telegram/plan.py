"""What a message becomes on Telegram: one or more messages of Telegram's own, each within its limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import MessageLimit

from nanobot.contracts.channel import Outgoing
from nanobot.util.aio import in_thread
from nanobot.util.split import split, utf16_units

from .files import Upload
from .markup import to_html

TEXT_LIMIT = int(MessageLimit.MAX_TEXT_LENGTH)
CAPTION_LIMIT = int(MessageLimit.CAPTION_LENGTH)
LONG = 400  # characters from which on a text is converted in a thread
ROW = 30  # characters of the labels of buttons that stand side by side
ROW_MOST = 3  # buttons
REMEMBERED = 64  # messages of which a part was sent


@dataclass(frozen=True, slots=True)
class Page:
    """A text within the limits: ``html`` where it could be converted, ``plain`` as it was written."""

    plain: str
    html: str | None = None
    units: int = 0

    @property
    def preview(self) -> LinkPreviewOptions:
        """None, of no address. For one, Telegram asks for the address at once: whoever talked a model into writing it
        would be told what stands in it, though nobody has clicked."""
        return LinkPreviewOptions(is_disabled=True)

    def marked(self, mark: str) -> Page:
        """The page with a line before it."""
        html = None if self.html is None else f"<i>{escape(mark, quote=False)}</i>\n{self.html}".rstrip("\n")
        plain = f"{mark}\n{self.plain}".rstrip("\n")
        return Page(plain, html, self.units + utf16_units(mark) + 1)


EMPTY = Page("", "")


@dataclass(frozen=True, slots=True)
class Part:
    """One message of Telegram's: files with ``page`` as their caption, or the page alone.

    ``marked``: the reader is told that it may be a repetition.
    """

    page: Page
    files: tuple[Upload, ...] = ()
    keyboard: InlineKeyboardMarkup | None = None
    marked: bool = False


@dataclass(slots=True)
class Progress:
    """The parts of a message, how many of them Telegram took, and whether it may have taken the next one as well."""

    message: Outgoing
    parts: list[Part]
    done: int = 0
    doubtful: bool = False

    def mark(self, line: str) -> None:
        """Have the reader told that the next part may be a repetition."""
        self.doubtful = False
        part = self.parts[self.done]
        if part.marked:
            return
        page = part.page.marked(line)
        if page.units <= (CAPTION_LIMIT if part.files else TEXT_LIMIT):
            self.parts[self.done] = replace(part, page=page, marked=True)
        else:
            self.parts[self.done : self.done + 1] = [Part(EMPTY.marked(line), marked=True), replace(part, marked=True)]

    def part_album(self) -> Part:
        """Make the files of the next part documents, each of them a part; gives the first."""
        part = self.parts[self.done]
        first, *rest = (file.as_document() for file in part.files)
        alone = replace(part, files=(first,))
        self.parts[self.done : self.done + 1] = [alone, *(Part(EMPTY, (file,)) for file in rest)]
        return alone


@dataclass(slots=True)
class Unfinished:
    """What was begun and has to be tried again, by the id of the message. The oldest is forgotten first."""

    _begun: OrderedDict[str, Progress] = field(default_factory=OrderedDict)

    def get(self, message: Outgoing) -> Progress | None:
        """How far a message has come; None: not known, or it says something else by now."""
        found = self._begun.get(message.id)
        return found if found is not None and found.message == replace(message, repeated=False) else None

    def keep(self, progress: Progress) -> None:
        """Remember it until ``drop``."""
        self._begun[progress.message.id] = progress
        while len(self._begun) > REMEMBERED:
            self._begun.popitem(last=False)

    def drop(self, message_id: str) -> None:
        """It is over."""
        self._begun.pop(message_id, None)


async def pages(text: str) -> list[Page]:
    """The text as one page, or as more where the limit is passed after all."""
    if not text.strip():
        return []
    if len(text) <= LONG:
        return list(_pages(text))
    return await in_thread(_pages, text)


def parts(texts: Sequence[Page], groups: Sequence[Sequence[Upload]], labels: Sequence[str]) -> list[Part]:
    """Texts, files and buttons as messages: a text that fits becomes the caption of the first files.

    Buttons go with the last text; an album cannot carry any.
    """
    keyboard = _keyboard(labels) if labels else None
    caption = EMPTY
    if groups and len(texts) == 1 and texts[0].units <= CAPTION_LIMIT and (not keyboard or len(groups[0]) == 1):
        caption, texts = texts[0], []
    if keyboard and not texts and caption is EMPTY:
        groups = [[file] for group in groups for file in group]
    found = [Part(page) for page in texts]
    found += [Part(caption if place == 0 else EMPTY, tuple(group)) for place, group in enumerate(groups)]
    if keyboard and found:
        place = len(texts) - 1 if texts else 0
        found[place] = replace(found[place], keyboard=keyboard)
    return found


def _pages(text: str) -> list[Page]:
    for aligned in (True, False):
        html = to_html(text, aligned=aligned)
        if html is None:
            break
        if html.units <= TEXT_LIMIT:
            return [Page(text, html.text, html.units)]
    if (units := utf16_units(text)) <= TEXT_LIMIT:
        return [Page(text, None, units)]
    return [page for piece in split(text, TEXT_LIMIT, utf16=True) for page in _pages(piece)]


def _keyboard(labels: Sequence[str]) -> InlineKeyboardMarkup:
    """Short labels side by side. What a button sends is its number; its label is in the message."""
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for number, label in enumerate(labels):
        if len(label) > room or len(rows[-1]) >= ROW_MOST:
            rows.append([])
            room = ROW
        rows[-1].append(InlineKeyboardButton(label, callback_data=f"b:{number}"))
        room -= len(label)
    return InlineKeyboardMarkup(rows)
