"""What a request asks for, and the talk that it brings, whichever of the two APIs it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nanobot.agent.prompt import NO_ANSWER, NOT_ASKED
from nanobot.contracts.model import Message

from .errors import wrong
from .files import File, file_of

MAX_MESSAGES = 2000
MAX_FILES = 20
MAX_INSTRUCTIONS = 64_000  # characters
MAX_STOPS = 16
MAX_NAME = 256  # characters of the name of a session or model
SESSION_HEADERS = ("X-Nanobot-Session", "X-Session-Id")

_PERSON, _AGENT, _PROGRAM = ("user",), ("assistant",), ("system", "developer")
_SKIPPED = ("tool", "function")
_TEXTS = ("text", "input_text", "output_text")
_FILES = ("image_url", "input_image", "file", "input_file")
_LEFT_OUT = "[a file was here]"
_SILENCE = {"user": NOT_ASKED, "assistant": NO_ANSWER}


@dataclass(frozen=True, slots=True)
class Talk:
    """``text`` and ``files`` are the last thing that the person said, ``before`` is what was said before it: person and
    agent take turns, and the person begins. ``instructions`` come from the program."""

    text: str
    files: tuple[File, ...]
    before: tuple[Message, ...]
    instructions: str

    @property
    def size(self) -> int:
        """Characters of all of it."""
        return len(self.text) + len(self.instructions) + sum(len(message.content) for message in self.before)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. ``session`` is the name that the client has for it; None: it stands alone."""

    model: str
    talk: Talk
    session: str | None
    stream: bool
    usage: bool = True
    """Whether the end of a stream says how much was used."""
    progress: bool | None = None
    """Whether the client wants to see what the agent does; None: it says nothing about that."""
    stop: tuple[str, ...] = ()
    """Words before which the answer ends."""


def session_name(headers: Mapping[str, str], *fallbacks: tuple[str, Any]) -> str | None:
    """The session that a request names, by a header or else by the first of these fields that is given."""
    named = next((header for header in SESSION_HEADERS if headers.get(header)), None)
    if named is not None:
        return _name(headers[named], named)
    return next((_name(value, field) for field, value in fallbacks if value not in (None, "")), None)


def model_of(data: Mapping[str, Any]) -> str:
    """The name of the agent. Raises ``ApiError``."""
    if not isinstance(data.get("model"), str) or not data["model"]:
        raise wrong("model", "say which model is meant; GET /v1/models lists them", "missing_required_parameter")
    return _name(data["model"], "model")


def flag(data: Mapping[str, Any], name: str) -> bool:
    """A switch of the request; null is off. Raises ``ApiError``."""
    value = data.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong(name, f"'{name}' is true or false")
    return bool(value)


def mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside the request; null is an empty one. Raises ``ApiError``."""
    value = data.get(name)
    if value is not None and not isinstance(value, dict):
        raise wrong(name, f"'{name}' is an object")
    return value or {}


def progress_of(data: Mapping[str, Any]) -> bool | None:
    """``{"nanobot": {"progress": true}}``."""
    ours = mapping(data, "nanobot")
    return flag(ours, "progress") if "progress" in ours else None


def stops_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """``stop``: a text or some of them. Raises ``ApiError``."""
    value = data.get("stop")
    words = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(words, list) or len(words) > MAX_STOPS or not all(isinstance(one, str) for one in words):
        raise wrong("stop", f"'stop' is a text, or a list of {MAX_STOPS} texts at most")
    return tuple(filter(None, words))


def check_tool_choice(data: Mapping[str, Any], name: str = "tool_choice") -> None:
    """Raises ``ApiError`` for a client that cannot do without calls of its own tools."""
    choice = data.get(name)
    if choice not in (None, "auto", "none"):
        raise wrong(name, "the agent calls its own tools and never those of a client; leave this out, or say 'auto'")


def talk(messages: Any, param: str, instructions: str = "") -> Talk:
    """Read the messages of a request. Raises ``ApiError``."""
    if not isinstance(messages, list) or not messages:
        raise wrong(param, f"'{param}' is a list with at least one message")
    if len(messages) > MAX_MESSAGES:
        raise wrong(param, f"there are {len(messages)} messages; {MAX_MESSAGES} are taken at most")
    told = [instructions] if instructions else []
    said: list[tuple[bool, str, Sequence[Mapping[str, Any]], str]] = []
    for index, message in enumerate(messages):
        place = f"{param}[{index}]"
        if not isinstance(message, dict):
            raise wrong(place, f"{place} is an object with 'role' and 'content'")
        if "role" not in message and message.get("type") not in (None, "message"):
            continue  # calls and results of tools that belong to another model
        role = message.get("role")
        if role in _SKIPPED:
            continue
        text, files = _content(message.get("content"), f"{place}.content")
        if role in _PROGRAM:
            told.append(text)
        elif role in _PERSON or role in _AGENT:
            said.append((role in _PERSON, text, files, place))
        else:
            raise wrong(f"{place}.role", f"{place}.role is one of user, assistant, system, developer and tool")
    if not said or not said[-1][0]:
        raise wrong(param, "the last message has to be one of the user")
    _, last, parts, place = said.pop()
    if len(parts) > MAX_FILES:
        raise wrong(place, f"{MAX_FILES} files can come with a message")
    attached = tuple(file_of(part, f"{place}.content") for part in parts)
    if not last.strip() and not attached:
        raise wrong(place, "the last message is empty")
    wish = "\n\n".join(filter(None, (one.strip() for one in told)))
    if len(wish) > MAX_INSTRUCTIONS:
        raise wrong(param, f"instructions have {MAX_INSTRUCTIONS} characters at most")
    return Talk(last, attached, _in_turns([(person, _with_note(text, files)) for person, text, files, _ in said]), wish)


def _content(content: Any, place: str) -> tuple[str, list[Mapping[str, Any]]]:
    """The text, and the parts that are files."""
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise wrong(place, f"{place} is a text or a list of parts")
    texts: list[str] = []
    files: list[Mapping[str, Any]] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _TEXTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            texts.append(part["refusal"])
        elif kind in _FILES:
            files.append(part)
        elif kind == "input_audio":
            raise wrong(place, "speech is not understood here; send text", "unsupported_content")
        else:
            raise wrong(place, f"each part of {place} has a type (text, image_url or file) and what belongs to it")
    return "\n\n".join(texts), files


def _in_turns(said: Sequence[tuple[bool, str]]) -> tuple[Message, ...]:
    """With what nobody said in between: many models want person and assistant to take turns."""
    found: list[Message] = []
    for person, text in said:
        last = found[-1].role if found else "assistant"
        if person and found and last == "user":
            found.append(Message("assistant", NO_ANSWER))
        if person:
            found.append(Message("user", text))
        elif last == "user":
            found.append(Message("assistant", text))
        elif not found:
            found += [Message("user", NOT_ASKED), Message("assistant", text)]
        elif text.strip():
            found[-1] = Message("assistant", f"{found[-1].content}\n\n{text}".strip())
    if found and found[-1].role == "user":
        found.append(Message("assistant", NO_ANSWER))
    # and none of them takes a message without a word
    return tuple(one if one.content.strip() else replace(one, content=_SILENCE[one.role]) for one in found)


def _with_note(text: str, files: Sequence[Any]) -> str:
    return "\n".join(filter(None, (text, *[_LEFT_OUT] * len(files)))) if files else text


def _name(value: Any, param: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise wrong(param, f"'{param}' is a text of 1 to {MAX_NAME} characters in one line")
    return value
