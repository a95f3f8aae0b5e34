"""The library: all skills that there are, which of two with one name counts, and which of them may be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from nanobot.contracts.skill import Skill
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Fix, Severity
from nanobot.paths import bundled
from nanobot.util.aio import in_thread
from nanobot.util.dt import iso
from nanobot.util.translate import translate

from .shelf import Home, OnDisk, look

REST = 0.2  # s between two looks at the folders
FOLDER = "skills"
BUNDLED, USER, WORKSPACE = "bundled", "user", "workspace"
RANKS = {BUNDLED: 0, WORKSPACE: 1, USER: 2}
"""Of two skills with one name the higher one counts: what agents can write never stands in for what the owner wrote."""


class FileSkill(Skill):
    """A skill that lies in a folder."""

    def __init__(self, disk: OnDisk, unavailable: str | None) -> None:
        self.disk = disk
        self.name = disk.file.name
        self.description = disk.file.description
        self.always = disk.file.always
        self.allowed_tools = disk.file.allowed_tools
        self.unavailable = unavailable
        self.source = disk.source

    async def text(self) -> str:
        if self.unavailable is not None:
            raise NanobotError(f"The skill {self.name} cannot be used: {self.unavailable}.")
        return self.disk.file.body


class Library:
    """Looks at the folders when it is asked, and keeps ``hub.skills`` as they are."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.hub = entry.hub
        self.rest = REST
        self._config: Mapping[str, Any] = entry.config
        self._store = entry.store("seen")
        self._seen: dict[str, dict[str, Any]] = {}
        """By ``<source>/<name>``: the digest that was seen last, since when, and the one that is trusted."""
        self._known: dict[tuple[str, str], OnDisk] = {}
        self._needs: dict[tuple[str, str], tuple[str, str] | None] = {}
        """What each of them lacks."""
        self._added: dict[str, tuple[FileSkill, Callable[[], None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")

    @property
    def guests(self) -> str:
        """Which skills guests have read: ``nothing``, ``bundled`` or ``all``."""
        return str(self._config["guests"])

    async def open(self) -> None:
        """Read everything for the first time."""
        self._seen = (await self._store.load() or {}).get("seen", {})
        await self._look()

    async def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration."""
        self._config = config
        await self.refresh(now=True)

    async def refresh(self, *, now: bool = False) -> None:
        """See what has changed; whoever asks at the same time shares one look."""
        loop = asyncio.get_running_loop()
        if not now and self._looking is None and loop.time() - self._looked_at < self.rest:
            return
        if self._looking is None or now:
            self._looking = self.entry.spawn(self._look(), "look for skills")
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    def find(self, name: str) -> Skill | None:
        """Of that name, whoever has added it to the hub."""
        return self.hub.skills.get(name)

    def for_turn(self, *, owner: bool) -> list[Skill]:
        """Those that a person may have used, by name."""
        found = sorted(self.hub.skills, key=lambda skill: skill.name)
        if owner or self.guests == "all":
            return [skill for skill in found if skill.unavailable is None]
        if self.guests == "nothing":
            return []
        return [skill for skill in found if skill.unavailable is None and skill.source == BUNDLED]

    def trust(self, name: str) -> str:
        """Let a skill of the workspace be used as it is now. Raises ``NanobotError``; gives back its digest."""
        disk = self._known.get((WORKSPACE, name))
        if disk is None:
            raise NanobotError(f"there is no skill '{name}' in the workspace")
        if disk.file.wrong is not None:
            raise NanobotError(f"the skill {name} is wrong: {disk.file.wrong}")
        self._seen.setdefault(f"{WORKSPACE}/{name}", {"since": self._now()}).update(
            digest=disk.digest, trusted=disk.digest
        )
        self._save()
        self._sync()
        return disk.digest

    def facts(self, skill: Skill) -> dict[str, Any]:
        """What a person wants to know of a skill. JSON-able."""
        disk = skill.disk if isinstance(skill, FileSkill) else None
        seen = self._seen.get(f"{skill.source}/{skill.name}", {})
        return {
            "name": skill.name,
            "description": skill.description,
            "source": skill.source,
            "always": skill.always,
            "allowed_tools": None if skill.allowed_tools is None else list(skill.allowed_tools),
            "unavailable": skill.unavailable,
            "folder": None if disk is None else str(disk.folder),
            "sha256": None if disk is None else disk.digest or None,
            "since": seen.get("since"),
        }

    # -- inside ---------------------------------------------------------------------------------

    def _homes(self) -> tuple[Home, ...]:
        homes = [Home(BUNDLED, bundled(FOLDER)), Home(USER, self.hub.config_dir / FOLDER)]
        works = sorted((one for one in self.hub.workspaces if one.folder is not None), key=lambda one: one.name)
        work = works[0].folder if works else None
        if work is not None and self._config["workspace"] != "ignore":
            homes.append(Home(WORKSPACE, work / FOLDER, guarded=True))
        return tuple(homes)

    async def _look(self) -> None:
        self._known = await in_thread(look, self._homes(), self._known)
        self._looked_at = asyncio.get_running_loop().time()
        self._note()
        await self._check_needs()
        self._sync()

    def _looked(self, task: asyncio.Task[None]) -> None:
        if self._looking is task:
            self._looking = None

    async def _check_needs(self) -> None:
        self._needs = await in_thread(lambda: {key: disk.file.missing() for key, disk in self._known.items()})

    def _note(self) -> None:
        """Remember what the files of each skill are, and since when."""
        changed = False
        for (source, name), disk in self._known.items():
            key = f"{source}/{name}"
            seen = self._seen.get(key)
            if source == BUNDLED or (seen is not None and seen["digest"] == disk.digest):
                continue
            self.entry.log.info("the skill %s (%s) %s", name, source, "was changed" if seen else "is new")
            self._seen[key] = {**(seen or {}), "digest": disk.digest, "since": self._now()}
            changed = True
        if changed:
            self._save()

    def _sync(self) -> None:
        """Have in the hub what counts now."""
        best: dict[str, OnDisk] = {}
        for (_, name), disk in self._known.items():
            other = best.get(name)
            if other is None or RANKS[disk.source] > RANKS[other.source]:
                best[name] = disk
        wanted = {name: FileSkill(disk, self._unavailable(disk)) for name, disk in best.items()}
        for name, (skill, remove) in list(self._added.items()):
            new = wanted.get(name)
            if new is None or new.disk is not skill.disk or new.unavailable != skill.unavailable:
                del self._added[name]
                remove()
        for name, skill in wanted.items():
            if name not in self._added and name not in self.hub.skills:
                self._added[name] = (skill, self.entry.add(skill))
        self._show([name for name, skill in wanted.items() if not self._is_trusted(skill.disk)])

    def _unavailable(self, disk: OnDisk) -> str | None:
        name = disk.file.name
        if name in self._config["disabled"]:
            return self._say("disabled")
        if disk.file.wrong is not None:
            return disk.file.wrong
        missing = self._needs.get((disk.source, name))
        if missing is not None:
            return self._say(missing[0], names=missing[1])
        return None if self._is_trusted(disk) else self._say("waits", name=name)

    def _say(self, key: str, **more: str) -> str:
        return translate(f"component.skills.chat.{key}", self.hub.language, **more)

    def _is_trusted(self, disk: OnDisk) -> bool:
        if disk.source != WORKSPACE or self._config["workspace"] == "trust":
            return True
        return self._seen.get(f"{WORKSPACE}/{disk.file.name}", {}).get("trusted") == disk.digest

    def _show(self, untrusted: list[str]) -> None:
        if not untrusted:
            self.entry.resolve("untrusted")
            return
        shown = {name: self._known[WORKSPACE, name].digest for name in untrusted}

        async def trust() -> None:
            for name, digest in shown.items():  # what changed after it was shown waits for another look
                disk = self._known.get((WORKSPACE, name))
                if disk is not None and disk.digest == digest and disk.file.wrong is None:
                    self.trust(name)

        names = ", ".join(sorted(untrusted))
        self.entry.issue("untrusted", severity=Severity.WARNING, fix=Fix("trust", trust), names=names)

    def _now(self) -> str:
        return iso(self.hub.clock.time())

    def _save(self) -> None:
        self._store.save(lambda: {"seen": self._seen})
