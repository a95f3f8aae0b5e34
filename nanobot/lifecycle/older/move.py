"""An import as a whole: everything that would be written, checked before any of it is; then the writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanobot.config.edit import CannotEdit
from nanobot.config.load import MAIN
from nanobot.config.problem import Problem
from nanobot.config.resolve import SECRETS
from nanobot.errors import ToolError
from nanobot.storage.files import make_private, write_atomically
from nanobot.util.secrets import Scrubber
from nanobot.util.yaml import Tag

from . import papers, target
from .home import LARGE, Home, NothingThere
from .jobs import Job, heartbeat, jobs
from .keys import Keys
from .note import Notes
from .pages import page
from .papers import CHANGED, NEW, Paper
from .pictures import pictures
from .settings import Settings, settings
from .talk import Talk, read
from .target import Target, with_secrets

MOST_REPAIRS = 20
BY_DEFAULT = {"memory", "skills", "subagent"}
"""What is worth an entry in a configuration of somebody's own only with options."""
OF_ITEMS = {"schedule": 1, "mcp": 1, "nanobot": 1}
"""Keys of which a part can be left out."""
TELLING = ("AGENTS.md", "TOOLS.md")
"""Files of a prompt that speak of tools."""
UNSET = "env_var_unset"


@dataclass(frozen=True, slots=True)
class Text:
    """A YAML file as it is and as it would be. ``secret``: nothing of it is shown."""

    name: str
    before: str | None
    after: str
    secret: bool = False


@dataclass(slots=True)
class Move:
    """What would be written, and what not."""

    home: Home
    target: Target
    notes: Notes
    scrubber: Scrubber
    texts: list[Text] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    jobs: int = 0
    skills: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[Paper]:
        """Those of them that would be written."""
        return [paper for paper in self.papers if paper.state in (NEW, CHANGED)]

    @property
    def remembers(self) -> bool:
        """Whether something is added to the memory."""
        return any(paper.path.parent == self.target.folder / "memory" for paper in self.files)

    def write(self) -> list[str]:
        """All but the sessions; the main file last. Gives sentences about files that could not be read any more.

        Raises ``NanobotError``.
        """
        gone = Notes()
        for text in self.texts:
            path = self.target.folder / text.name
            there = path.read_text(encoding="utf-8-sig") if path.exists() else None
            if there != text.before:
                raise self.target.refused("meanwhile", file=text.name)
        make_private(self.target.folder)
        for paper in self.files:
            try:
                write_atomically(paper.path, paper.data())
            except ToolError as error:
                gone.add("unreadable", file=paper.path.name, error=error)
        for text in self.texts:
            path = (self.target.folder / text.name).resolve()
            keeps = path.exists() and not text.secret
            write_atomically(path, text.after.encode(), mode=path.stat().st_mode & 0o777 if keeps else 0o600)
        return [note.sentence(self.target.language) for note in gone]


def plan(source: Path, folder: Path, language: str, *, now: float | None = None) -> Move:
    """Look at everything, write nothing. Imports integrations. Raises ``NanobotError``."""
    notes = Notes()
    home, ours = Home(source, notes), target.look(folder, language)
    keys = Keys(ours.secrets, notes)
    config = home.config()
    found = settings(config, home.json(home.path, "pairing.json"), keys, notes, here=ours.has, models=ours.models)
    home.use_workspace(found.workspace)
    move = Move(home, ours, notes, Scrubber())
    move.talks = _talks(home, found, notes)
    move.papers = [
        *papers.workspace(home, ours.workspace, notes),
        *papers.memory(home, folder / "memory", notes),
        *(one for talk in move.talks for one in pictures(talk, home, folder)),
    ]
    move.skills = papers.skills(move.papers, home, ours.workspace)
    coming = _jobs(home, found, ours, time.time() if now is None else now)
    if config is None and not (coming or move.talks or move.papers or move.skills):
        raise NothingThere(str(ours.refused("nothing_there", folder=source)))
    _tell(move, found)
    entries, move.jobs = _wanted(move, found, coming)
    move.texts = _checked(move, entries, keys)
    move.scrubber.add(*keys.values)
    return move


# -- inside ---------------------------------------------------------------------------------------


def _talks(home: Home, found: Settings, notes: Notes) -> list[Talk]:
    talks: dict[str, Talk] = {}
    for folder in dict.fromkeys((home.path, home.workspace)):
        for one in home.walk(folder, "sessions", 3):
            name = one.path.rpartition("/")[2]
            if one.kind != "file" or not name.endswith(".jsonl"):
                continue
            talk = read(home.lines(folder, one.path, LARGE), name.removesuffix(".jsonl"), found.owners)
            before = talks.get(talk.session)
            if before is not None and before.messages:
                notes.add("twice", session=talk.session)
            if talk.messages and (before is None or before.last < talk.last):
                talks[talk.session] = talk
    return list(talks.values())


def _jobs(home: Home, found: Settings, ours: Target, now: float) -> list[Job]:
    coming = jobs(home, home.notes, now=now, zone=found.zone, here=ours.has)
    data = home.read(home.workspace, "HEARTBEAT.md", LARGE) or b""
    item = None if found.heartbeat is None else heartbeat(data.decode("utf-8", "replace"), found.heartbeat)
    triggers = home.json(home.workspace, "triggers/triggers.json")
    listed = triggers.get("triggers") if isinstance(triggers, dict) else None
    if isinstance(listed, list) and listed:
        home.notes.add("triggers", count=len(listed))
    return coming if item is None else [*coming, Job("heartbeat", "heartbeat", item)]


def _tell(move: Move, found: Settings) -> None:
    if move.skills:
        move.notes.add("trust", names=", ".join(move.skills))
    told = [paper.path.name for paper in move.files if paper.path.name in TELLING and paper.state == NEW]
    if told:
        move.notes.add("look_through", files=", ".join(told))
    if move.remembers:
        move.notes.add("memory_shared")
    if "shell" in found.entries:
        move.notes.add("sandboxed")


def _wanted(move: Move, found: Settings, coming: list[Job]) -> tuple[dict[str, Any], int]:
    """What is to be configured and is not there yet, and how many jobs are among it."""
    ours, wanted = move.target, dict(found.entries)
    schedule = _new_jobs(ours.data.get("schedule"), coming)
    if ours.is_new:
        wanted = {"nanobot": found.core, **wanted, "default_config": {}}
        wanted = {key: value for key, value in wanted.items() if value or key != "nanobot"}
        if "agent" not in wanted:  # there was no config.json
            wanted["agent"] = {}
    else:
        used = {"memory": move.remembers, "skills": bool(move.skills)} if "default_config" not in ours.data else {}
        for key in (key for key, needed in used.items() if needed):
            wanted.setdefault(key, {})
        there = [key for key in wanted if key in ours.data]
        if more := _new_servers(ours.data.get("mcp"), wanted.get("mcp")):
            there.remove("mcp")
        wanted = {
            key: value
            for key, value in wanted.items()
            if key not in ours.data and key != "http" and (value or key not in BY_DEFAULT or used.get(key))
        }
        wanted |= {"mcp": more} if more else {}
        if there:
            move.notes.add("there", keys=", ".join(there))
    if schedule:
        wanted["schedule"] = schedule
    return wanted, len(schedule)


def _new_servers(there: Any, coming: Any) -> dict[str, Any]:
    """MCP servers that join those which are configured."""
    if not isinstance(there, Mapping) or not isinstance(coming, Mapping):
        return {}
    return {name: server for name, server in coming.items() if name not in there}


def _new_jobs(there: Any, coming: list[Job]) -> dict[str, Any]:
    known = there if isinstance(there, Mapping) else {}
    told = {str(item.get("description")) for item in known.values() if isinstance(item, Mapping)}
    found: dict[str, Any] = {}
    for job in coming:
        if job.item["description"] in told:
            continue
        key = job.key
        while key in known or key in found:
            key += "_2"
        found[key] = job.item
    return found


def _checked(move: Move, entries: dict[str, Any], keys: Keys) -> list[Text]:
    """The files, without what would not pass the check. Raises ``NanobotError``."""
    ours = move.target
    if not entries:
        return []
    before = set() if ours.is_new else {_sign(one) for one in ours.problems({})}
    name, main = (MAIN, "") if ours.is_new else ours.place()
    for _ in range(MOST_REPAIRS):
        texts = _texts(move, entries, keys, name, main)
        new = [one for one in ours.problems({text.name: text.after for text in texts}) if _sign(one) not in before]
        for problem in [one for one in new if one.key == UNSET]:
            move.notes.add("unset", name=problem.placeholders.get("name", ""))
        bad = [one for one in new if one.key != UNSET]
        if not bad:
            return _texts(move, entries, keys, name, main) if new else texts
        _leave_out(move, entries, bad, Scrubber(keys.values).scrub)
    raise ours.refused("check", problem="…")


def _leave_out(move: Move, entries: dict[str, Any], bad: list[Problem], scrub: Callable[[str], str]) -> None:
    """Drop what is wrong, as little of it as possible. Raises ``NanobotError`` for what is not ours."""
    gone: set[tuple[Any, ...]] = set()
    for one in bad:
        where = one.path[: 1 + OF_ITEMS.get(str(one.path[0]), 0)] if one.path else ()
        if where in gone or where[:1] in gone:
            continue
        if not _drop(entries, where):
            raise move.target.refused("check", problem=scrub(one.told(move.target.language)))
        gone.add(where)
        move.jobs -= where[0] == "schedule"
        sentence = scrub(one.sentence(move.target.language))
        move.notes.add("dropped", where=" > ".join(map(str, where)), sentence=sentence)


def _texts(move: Move, entries: dict[str, Any], keys: Keys, name: str, main: str) -> list[Text]:
    """The files that would be written; none where nothing is new."""
    ours, found = move.target, list[Text]()
    if not entries:
        return found
    new = {key: value for key, value in keys.new.items() if key in set(_secrets_in(entries))}
    if new:
        try:
            found.append(Text(SECRETS, ours.texts[SECRETS], with_secrets(ours.texts[SECRETS], new), secret=True))
        except CannotEdit as error:
            raise ours.refused("unreadable", file=SECRETS, error=error) from error
    scrub = Scrubber(keys.values).scrub
    sentences = [scrub(note.sentence(ours.language)) for note in move.notes]
    found.append(Text(name, None, page(entries, sentences, ours.language, whole=ours.is_new)))
    if main and main != ours.texts[MAIN]:
        found.append(Text(MAIN, ours.texts[MAIN], main))
    return found


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, Tag) and value.name == "!secret":
        yield str(value.argument)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets_in(item)


def _drop(entries: dict[str, Any], where: tuple[Any, ...]) -> bool:
    """Leave out what is wrong; whatever holds nothing then goes as well."""
    if not where or where[0] not in entries:
        return False
    inner = entries[where[0]]
    if len(where) > 1 and isinstance(inner, dict) and where[1] in inner and len(inner) > 1:
        entries[where[0]] = {key: value for key, value in inner.items() if key != where[1]}
    else:
        del entries[where[0]]
    return True


def _sign(problem: Problem) -> tuple[Any, ...]:
    return problem.key, problem.file, problem.path
