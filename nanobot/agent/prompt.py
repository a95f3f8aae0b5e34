"""What the model is told after its briefing: what was said before, and what its tools did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nanobot.agent.foreign import closed
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import Message
from nanobot.conversations.transcript import Exchange
from nanobot.util.text import cut_in_the_middle, one_line

CHARACTERS_PER_TOKEN = 4  # a rough measure, on the safe side for most languages
OLD_RESULT = 400  # characters that stay of a tool's result when there is no room for more
INTERRUPTED = (
    "It is not known whether this was carried out: nanobot was interrupted. Find out before you do it again, and tell"
    " the person if you cannot."
)
NO_ANSWER = "(no answer)"
NOT_ASKED = "(nothing yet)"
FRAME = 20  # characters that a message takes beside what is said
LONGEST_NAME = 64  # characters of what a sender is called

_SIGN = re.compile(r"<[|｜][\w▁-]{2,40}[|｜]>|<(?:start|end)_of_turn>|(?<!\w)\[/?INST\]|<</?SYS>>")
_IN_SIGNS = ("<|", "<｜", "_of_turn>", "INST]", "SYS>>")
"""Of each sign a part that is found quickly."""


def heard_by(turn: Turn, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The same exchanges, for a guest without what tools told the people who run nanobot."""
    return [
        exchange if turn.owner or not exchange.owner or exchange.id == turn.id else replace(exchange, steps=())
        for exchange in exchanges
    ]


def conversation(exchanges: Sequence[Exchange]) -> list[Message]:
    """The messages after the first one; the last exchange is the running turn."""
    senders = {exchange.sender for exchange in exchanges if exchange.sender}
    several = len(senders) > 1
    return _in_turns([message for exchange in exchanges for message in _messages(exchange, several=several)])


def within(messages: Sequence[Message], room: int, start: int | None = None) -> list[Message]:
    """The same messages within ``room`` characters, as far as that can be.

    ``start``: the message that began the running turn; None: the last one of a person. What belongs to that turn is
    kept, its older results cut if need be; before it, the oldest exchanges are left out. The first message stays as it
    is, and does not count.
    """
    head, *rest = messages
    if rest and rest[0].role == "user" and size(rest) <= room:
        return [head, *rest]
    last = max((place for place, message in enumerate(rest) if message.role == "user"), default=0)
    begin = last if start is None or start < 1 else start - 1
    before, (asked, *steps) = rest[:begin], rest[begin:]
    asked = replace(asked, content=cut_in_the_middle(asked.content, room))
    current = [asked, *_shorter_results(steps, room - size([asked]))]
    return [head, *_last(before, room - size(current)), *current]


def _last(messages: list[Message], room: int) -> list[Message]:
    """The last of them that fit in, beginning with what a person said."""
    begin = place = len(messages)
    for message in reversed(messages):
        place -= 1
        room -= _size(message)
        if room < 0:
            break
        if message.role == "user":
            begin = place
    return messages[begin:]


def _shorter_results(messages: list[Message], room: int) -> list[Message]:
    """With the results of tools cut, as far as there is no room for them: the oldest first, the last one least."""
    shortened = list(messages)
    too_much = size(shortened) - room
    for index, message in enumerate(messages):
        if too_much <= 0:
            break
        if message.role != "tool" or len(message.content) <= OLD_RESULT:
            continue
        content = message.content[:OLD_RESULT] + " [… left out]"
        if index == len(messages) - 1:
            content = cut_in_the_middle(message.content, max(OLD_RESULT, len(message.content) - too_much))
        content = closed(content)
        too_much -= len(message.content) - len(content)
        shortened[index] = replace(message, content=content)
    return shortened


def _in_turns(messages: Sequence[Message]) -> list[Message]:
    """With what was said without being asked as a part of the answer before it: many models want person and
    assistant to take turns, and the person to begin."""
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        if last is None and message.role == "assistant":
            found.append(Message("user", NOT_ASKED))
        if last is not None and last.role == message.role == "assistant" and not last.tool_calls:
            found[-1] = replace(message, content=f"{last.content}\n\n{message.content}".strip())
        else:
            found.append(message)
    return found


def without_signs(text: str) -> str:
    """A text without the signs by which local models tell roles apart: many servers obey them wherever they stand."""
    for part in _IN_SIGNS:
        if part in text:
            break
    else:
        return text
    return _SIGN.sub(lambda sign: f"{sign[0][0]} {sign[0][1:]}", text)


def _messages(exchange: Exchange, *, several: bool) -> Iterator[Message]:
    if exchange.id is not None:
        plain = not several and not exchange.attachments
        yield Message("user", exchange.text.strip() if plain else _said(exchange, several=several))
    if exchange.steps:
        yield from complete(exchange.steps)
    if exchange.answer_files:
        yield Message("assistant", _with_files(exchange.answer, exchange.answer_files))
    elif exchange.answer:
        yield Message("assistant", exchange.answer.strip())
    elif exchange.outcome is not None:
        yield Message("assistant", NO_ANSWER)


def complete(steps: Sequence[Message]) -> Iterator[Message]:
    """The steps of a turn with a result after each call, whatever cut the turn off: no API takes anything else."""
    open_calls: dict[str, None] = {}
    for step in steps:
        if step.role == "tool":
            open_calls.pop(step.tool_call_id or "", None)
            yield step
            continue
        yield from map(_interrupted, open_calls)
        yield step
        open_calls = dict.fromkeys(call.id for call in step.tool_calls)
    yield from map(_interrupted, open_calls)


def _interrupted(call_id: str) -> Message:
    return Message("tool", INTERRUPTED, tool_call_id=call_id)


def _said(exchange: Exchange, *, several: bool) -> str:
    text = exchange.text
    if several:  # what stands at the beginning of a line is who speaks, and nobody else can write there
        text = f"{_name(exchange.sender_name, exchange.sender)}: {text}".replace("\n", "\n  ")
    return _with_files(text, (f"{file.path} ({file.media_type})" for file in exchange.attachments))


def _name(name: str | None, sender: str | None) -> str:
    return one_line(name or "", LONGEST_NAME) or one_line(sender or "", LONGEST_NAME)


def _with_files(text: str, files: Iterable[str]) -> str:
    lines = [f"[file: {file}]" for file in files]
    return "\n".join([text, *lines]).strip() if lines else text.strip()


def size(messages: Iterable[Message]) -> int:
    """The characters that they take, roughly."""
    return sum([_size(message) if message.tool_calls else len(message.content) + FRAME for message in messages])


def _size(message: Message) -> int:
    return len(message.content) + sum(len(call.arguments) + len(call.name) for call in message.tool_calls) + FRAME
