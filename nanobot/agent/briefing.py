"""The briefing: what a model is told before the conversation, put together of parts that a person can look at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nanobot.agent.prompt import LONGEST_NAME, without_signs
from nanobot.agent.prompt_files import PromptFiles
from nanobot.agent.prompt_templates import PromptTemplates
from nanobot.contracts.agent import INSTRUCTIONS, Turn
from nanobot.contracts.model import Message
from nanobot.contracts.prompt_part import PromptPart
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.templates import Template
from nanobot.util.aio import in_thread
from nanobot.util.text import one_line

PART_LIMIT = 5.0  # s that one part may take
SHARE = 3  # the briefing takes at most one part in so many of what a model may be told
LEAST = 400  # characters that stay of a part when there is little room
IDENTITY, INSTRUCTED, WISHES, SITUATION = "identity", "instructions", "client", "situation"
FIXED = frozenset({IDENTITY, INSTRUCTED, WISHES, SITUATION})
"""Parts that are never cut: who it is, what the configuration says, and who asks."""
ORDERS = {IDENTITY: 0, INSTRUCTED: 5, WISHES: 190, SITUATION: 200}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part, as the model reads it. ``left_out``: the characters that there was no room for."""

    name: str
    order: int
    text: str
    left_out: int = 0


class Briefing:
    """Of one agent. ``agent`` is its name in the hub, ``name`` what it calls itself, ``template`` what it is told of
    itself in place of ``identity.j2``. ``context``: tokens that the model may be told in all."""

    def __init__(
        self,
        hub: Hub,
        *,
        name: str = "nanobot",
        agent: str = "agent",
        instructions: str | None = None,
        template: Template | None = None,
        context: int = 32_000,
        characters_per_token: int = 4,
    ) -> None:
        self.hub = hub
        self.name = name
        self.agent = agent
        self.instructions = instructions or ""
        self.room = context * characters_per_token // SHARE
        self._files = PromptFiles(hub)
        self._templates = PromptTemplates(hub, {IDENTITY: template} if template else {})
        self._failing: set[str] = set()

    async def message(self, turn: Turn) -> Message:
        """The first message of the request."""
        return Message("system", "\n\n".join(piece.text for piece in await self.pieces(turn)))

    async def pieces(self, turn: Turn, room: int | None = None) -> list[Piece]:
        """The parts for this turn, in their order: what seldom changes comes first, so that it can be cached. ``room``:
        the characters of all that the model is told, where it takes less than is configured."""
        return self.fitted(await self.parts(turn), room)

    def fitted(self, parts: Sequence[Piece], room: int | None = None) -> list[Piece]:
        """What ``parts`` gave, as far as there is room for it."""
        return within(parts, self.room if room is None else min(self.room, room // SHARE))

    async def parts(self, turn: Turn) -> list[Piece]:
        """As ``pieces``, however long they are."""
        variables = self._variables(turn)
        others = [asyncio.ensure_future(self._of(part, turn)) for part in self.hub.prompt_parts]
        try:
            files = await in_thread(self._look, self._files.place, private=turn.owner and not turn.group)
            found = [Piece(name, order, f"# {name}\n\n{text}") for name, order, text in files]
            found += [piece for other in others if (piece := await other) is not None]
        finally:
            for other in others:
                other.cancel()
        own = self._templates.texts((IDENTITY, SITUATION), variables)
        wish = without_signs(str(turn.extra.get(INSTRUCTIONS) or "").strip())
        own |= {INSTRUCTED: self.instructions, WISHES: wish and f"The program through which you talk adds:\n{wish}"}
        found += [Piece(name, ORDERS[name], text) for name, text in own.items()]
        found = self._overridden(sorted(found, key=lambda piece: (piece.order, piece.name)), variables)
        return [replace(piece, text=piece.text.strip()) for piece in found if piece.text.strip()]

    # -- inside ---------------------------------------------------------------------------------

    def _look(self, place: Path, *, private: bool) -> list[tuple[str, int, str]]:
        """The files of the prompt, and its templates as they are now; for a thread."""
        self._templates.look()
        return self._files.texts(place, private=private)

    async def _of(self, part: PromptPart, turn: Turn) -> Piece | None:
        """None for a part that fails: the others are better than no answer."""
        try:
            async with asyncio.timeout(PART_LIMIT):
                text = await part.text(turn, self.agent)
        except Exception as error:  # whatever an integration raises
            why = str(error) if isinstance(error, NanobotError) else f"{type(error).__name__}: {error}"
            news = part.name not in self._failing
            self._failing.add(part.name)
            _log.log(
                logging.WARNING if news else logging.DEBUG,
                "the part %r of the prompt fails and is left out: %s",
                part.name,
                self.hub.scrubber.scrub(why),
            )
            return None
        if part.name in self._failing:
            self._failing.discard(part.name)
            _log.info("the part %r of the prompt is there again", part.name)
        return Piece(part.name, part.order, text)

    def _overridden(self, pieces: list[Piece], variables: Mapping[str, Any]) -> list[Piece]:
        """With the parts that a template of the person's own replaces; it is told the text that was there."""
        texts = self._templates.overrides(
            {piece.name: piece.text for piece in pieces if piece.name not in (IDENTITY, SITUATION)}, variables
        )
        return [replace(piece, text=texts.get(piece.name, piece.text)) for piece in pieces]

    def _variables(self, turn: Turn) -> dict[str, Any]:
        """What templates may use. Anybody can choose any name for himself: it is one short line."""
        who = one_line(without_signs(turn.sender_name or ""), LONGEST_NAME) or one_line(turn.sender, LONGEST_NAME)
        return {
            "name": self.name,
            "agent": self.agent,
            "person": who,
            "owner": turn.owner,
            "group": turn.group,
            "channel": turn.channel,
            "chat": turn.chat,
            "language": turn.language,
            "time_zone": self.hub.config.time_zone,
            "home": self.hub.config.name,
            "workspace": self._files.folder is not None,
        }


def within(pieces: Sequence[Piece], room: int) -> list[Piece]:
    """The same pieces within ``room`` characters, as far as can be: the longest are cut, visibly, to one length."""
    if sum(len(piece.text) for piece in pieces) <= room:
        return list(pieces)
    free = [piece for piece in pieces if piece.name not in FIXED]
    left = room - sum(len(piece.text) for piece in pieces if piece.name in FIXED)
    most = LEAST
    for count, piece in enumerate(sorted(free, key=lambda piece: len(piece.text))):
        share = left // (len(free) - count)
        if len(piece.text) > share:
            most = max(LEAST, share)
            break
        left -= len(piece.text)
    return [piece if piece.name in FIXED else cut(piece, most) for piece in pieces]


def cut(piece: Piece, most: int) -> Piece:
    """Its beginning, and how much is missing: what matters stands first in what people write."""
    if len(piece.text) <= most:
        return piece
    missing = len(piece.text) - most
    return replace(piece, text=f"{piece.text[:most]}\n[… {missing} characters left out …]", left_out=missing)
