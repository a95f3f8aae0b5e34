"""Writes items of the configuration into the files that they stand in: one writer at a time, and all or nothing."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nanobot.contracts.config_items import (
    ConfigItem,
    ConfigItems,
    ItemChanged,
    ItemConflict,
    ItemInvalid,
    ItemMissing,
)
from nanobot.errors import StorageError
from nanobot.hub.hub import Hub
from nanobot.lifecycle.edits import Edits
from nanobot.lifecycle.item_places import Edit, Places
from nanobot.lifecycle.loader import Loader
from nanobot.storage.files import write_atomically
from nanobot.util.aio import in_thread
from nanobot.util.text import slugify


class ItemFiles(ConfigItems):
    """Each operation looks at the disk anew. What it writes is checked as a whole configuration before."""

    def __init__(self, hub: Hub, loader: Loader, edits: Edits) -> None:
        self._hub = hub
        self._loader = loader
        self._edits = edits
        self._lock = asyncio.Lock()

    async def get(self, domain: str, item_id: str) -> ConfigItem:
        return await in_thread(self._get, domain, item_id)

    async def put(self, domain: str, item_id: str, value: Any, *, version: str | None = None) -> ConfigItem:
        def prepare() -> Edit:
            places = self._places()
            spot = places.find(domain, item_id)
            _same_version(places.item(spot).version if spot else "", version)
            if not isinstance(value, dict):
                raise ItemInvalid(["an item is an object with its options"])
            whole = value
            if places.items(domain).by == "index":
                whole = {"id": item_id, **{key: one for key, one in value.items() if key != "id"}}
            edit = places.replaced(spot, whole) if spot else places.added(domain, item_id, whole)
            places.check(edit, domain, item_id)
            return edit

        async with self._lock:
            await self._apply(await in_thread(prepare))
            return await in_thread(self._get, domain, item_id)

    async def delete(self, domain: str, item_id: str, *, version: str | None = None) -> None:
        def prepare() -> Edit:
            places = self._places()
            spot = places.find(domain, item_id)
            if spot is None:
                raise ItemMissing(f"there is no {domain} of the id '{item_id}'")
            _same_version(places.item(spot).version, version)
            edit = places.removed(spot)
            places.check(edit, domain, None)
            return edit

        async with self._lock:
            await self._apply(await in_thread(prepare))
            self._forget(domain, item_id)

    async def made(self, domain: str) -> Mapping[str, Any]:
        return await in_thread(lambda: self._places().made(domain))

    async def put_made(self, domain: str, value: Mapping[str, Any], *, key: str | None = None) -> str:
        def prepare() -> tuple[str, Edit]:
            places = self._places()
            if key is not None and key not in places.made(domain):
                raise ItemMissing(f"there is no {domain} '{key}' that was made over the API")
            chosen = key if key is not None else _free(slugify(str(value.get("name", ""))), places, domain)
            edit = places.added_to_made(domain, chosen, dict(value))
            places.check(edit, domain, chosen)
            return chosen, edit

        async with self._lock:
            chosen, edit = await in_thread(prepare)
            await self._apply(edit)
            return chosen

    async def delete_made(self, domain: str, key: str) -> None:
        def prepare() -> Edit:
            places = self._places()
            edit = places.removed_from_made(domain, key)
            places.check(edit, domain, None)
            return edit

        async with self._lock:
            await self._apply(await in_thread(prepare))

    # -- inside -------------------------------------------------------------------------------------

    def _places(self) -> Places:
        return Places(self._hub.config_dir, self._loader, self._hub.scrubber.scrub)

    def _get(self, domain: str, item_id: str) -> ConfigItem:
        places = self._places()
        spot = places.find(domain, item_id)
        if spot is None:
            raise ItemMissing(f"there is no {domain} of the id '{item_id}'")
        return places.item(spot)

    def _forget(self, domain: str, item_id: str) -> None:
        """Take away the state that tells of something that is gone: here somebody said that it is to be gone."""
        for state in self._hub.states.all(domain):
            if state.attributes.get("restored") is True:
                known_as = state.attributes.get("id") or state.entity_id.partition(".")[2]
                if known_as == item_id:
                    self._hub.states.remove(state.entity_id)

    async def _apply(self, edit: Edit) -> None:
        """Write and have it applied; what cannot be applied is put back."""
        if edit.before == edit.after:
            return
        known = {(problem.file, problem.sentence()) for problem in self._edits.problems}
        await in_thread(_write, edit.path, edit.before, edit.after)
        applied = await self._edits.wait(self._edits.request())
        if applied is None:
            return
        here = self._name(edit.path)
        wrong = [problem for problem in applied.problems if problem.severity == "error"]
        if not applied.rejected:
            wrong = [one for one in wrong if one.file == here and (one.file, one.sentence()) not in known]
        if not wrong:
            return
        with contextlib.suppress(ItemConflict):  # somebody else has edited it meanwhile: theirs stays
            await in_thread(_write, edit.path, edit.after, edit.before)
            await self._edits.wait(self._edits.request())
        why = self._hub.scrubber.scrub("; ".join(problem.told() for problem in wrong))
        raise ItemConflict(f"it could not be applied, so it was taken back: {why}")

    def _name(self, path: Path) -> str:
        folder = self._hub.config_dir
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _same_version(found: str, wanted: str | None) -> None:
    if wanted is None or found == wanted:
        return
    if not wanted:
        raise ItemChanged("there is one of that id already")
    raise ItemChanged("somebody has changed it since you read it" if found else "it is not there any more")


def _free(key: str, places: Places, domain: str) -> str:
    """The key itself, or with a number behind it when it is taken."""
    if not key:
        raise ItemInvalid(["give it a name with letters or digits"])
    candidates: Callable[[int], str] = lambda number: key if number == 1 else f"{key}_{number}"  # noqa: E731
    number = 1
    while places.find(domain, candidates(number)) is not None:
        number += 1
    return candidates(number)


def _write(path: Path, before: bytes | None, after: bytes | None) -> None:
    """Replace a file that is still what it was. Blocks. Raises ``ItemConflict``."""
    target = path.resolve()  # a link stays a link
    try:
        found, mode = target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        found, mode = None, 0o600
    except OSError as error:
        raise ItemConflict(f"{path.name} cannot be read: {error.strerror or error}") from error
    if found != before:
        raise ItemConflict(f"somebody else has just edited {path.name}; nothing was written, try again")
    try:
        if after is None:
            target.unlink()
        else:
            write_atomically(target, after, mode=mode)
    except StorageError as error:
        raise ItemConflict(str(error)) from error
    except OSError as error:
        raise ItemConflict(f"{path.name} cannot be removed: {error.strerror or error}") from error
