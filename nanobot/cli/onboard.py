"""`nanobot onboard`: a few questions, then a commented configuration. Never overwrites one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import yaml

from nanobot.cli.run import MAIN_FILE, write_schema
from nanobot.cli.words import LANGUAGES, language, say, start_command
from nanobot.errors import NanobotError
from nanobot.util.text import nearest
from nanobot.util.translate import translate

EXISTS = 1
PORT = 18790


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said on the command line; None is asked, or gets its default."""

    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    port: int | None = None


def run(folder: Path, given: Answers, *, ask: bool) -> int:
    """Exit code 1 when there is a configuration already."""
    path = folder / MAIN_FILE
    if path.exists() or path.is_symlink():
        print(say("onboard.exists", file=path), file=sys.stderr)
        return EXISTS
    questions = [
        (given.name, "name", "nanobot", _name),
        (given.language, "language", language(), _language),
        (given.time_zone, "time_zone", local_time_zone(), _time_zone),
        (None if given.port is None else str(given.port), "port", str(PORT), _port),
    ]
    ask = ask and sys.stdin.isatty()
    if ask:
        print(say("onboard.welcome", folder=folder) + "\n")
    name, spoken, zone, port = (_answer(*question, ask=ask) for question in questions)
    _write(path, written(name, spoken, zone, int(port)))
    write_schema(folder)
    print(("\n" if ask else "") + say("onboard.done", file=path))
    print(say("onboard.next", command=start_command(folder)))
    return 0


def written(name: str, spoken: str, zone: str, port: int) -> str:
    """The text of the configuration, with comments in the language that was chosen."""
    lamp = translate("cli.onboard.yaml.lamp", spoken)
    spoken_lamp = lamp if spoken == "de" else lamp.lower()
    words = {key: _comment(f"cli.onboard.yaml.{key}", spoken, lamp=spoken_lamp) for key in COMMENTS}
    words["port"] = "  # port: 18790" if port == PORT else f"  port: {port}"
    return TEMPLATE.format(
        name=_scalar(name), language=_scalar(spoken), zone=_scalar(zone), lamp=_scalar(lamp), **words
    )


def local_time_zone() -> str:
    """The IANA name of this machine's time zone, UTC when it does not tell."""
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    for source in (Path("/etc/timezone"), Path("/etc/localtime")):
        try:
            text = str(source.readlink()) if source.is_symlink() else source.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        candidates.append(text.strip().rpartition("zoneinfo/")[2])
    for name in candidates:
        if name and _is_zone(name):
            return name
    return "UTC"


def _answer(given: str | None, question: str, default: str, check: Callable[[str], str], *, ask: bool) -> str:
    """Raises ``NanobotError`` for a wrong answer that nobody can be asked about again."""
    if given is not None or not ask:
        return check(given if given is not None else default)
    while True:
        try:
            reply = input(f"{say(f'onboard.ask_{question}')} [{default}] ").strip()
        except EOFError:
            print()
            raise KeyboardInterrupt from None
        try:
            return check(reply or default)
        except NanobotError as error:
            print(f"  {error}")


def _name(text: str) -> str:
    if len(text) > 100 or not text.isprintable():
        raise NanobotError(say("onboard.bad_name"))
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?", text):
        raise NanobotError(say("onboard.bad_language", given=text, known=", ".join(LANGUAGES)))
    return text


def _time_zone(text: str) -> str:
    if _is_zone(text):
        return text
    near = next((zone for zone in sorted(available_timezones()) if zone.casefold().endswith(text.casefold())), None)
    near = near or nearest(text, available_timezones())
    raise NanobotError(say("onboard.bad_time_zone_near" if near else "onboard.bad_time_zone", given=text, near=near))


def _port(text: str) -> str:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise NanobotError(say("onboard.bad_port", given=text))
    return text


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError only where nothing of the path exists
        return False
    except KeyError:
        return False
    return True


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise NanobotError(say("onboard.cannot_write", file=path, error=error.strerror or error)) from error


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, width=1000).split("\n")[0]


def _comment(key: str, spoken: str, **placeholders: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in translate(key, spoken, **placeholders).splitlines())


COMMENTS = ("top", "core", "web", "api", "chat", "assist", "things", "more")
TEMPLATE = """\
# yaml-language-server: $schema=./.storage/schema.json
#
{top}

{core}
nanobot:
  name: {name}
  language: {language}
  time_zone: {zone}

{web}
http:
{port}
webchat:

{api}
api:

{chat}
console:

{assist}
assist:

{things}
# input_boolean:
#   desk_lamp:
#     name: {lamp}

{more}
"""
