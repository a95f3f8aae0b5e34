"""Where an item of the configuration stands, and what its file is to become. Reads the disk; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from nanobot.config.check import check
from nanobot.config.edit import CannotEdit, change
from nanobot.config.files import Files, Read
from nanobot.config.items import Items, items_of
from nanobot.config.load import MADE, MAIN, Loaded, Unreadable, load
from nanobot.config.merge import CORE_KEYS
from nanobot.config.nodes import Node, read
from nanobot.config.problem import Problem
from nanobot.config.source import Source
from nanobot.config.written import write
from nanobot.contracts.config_items import ConfigItem, ItemConflict, ItemInvalid, ItemMissing
from nanobot.errors import ConfigError
from nanobot.lifecycle.loader import Loader
from nanobot.util.secrets import MASK
from nanobot.util.text import slugify
from nanobot.util.yaml import Fault, Tag, Unparsable, parse
from nanobot.util.yaml import Path as Steps

UNREADABLE = ("file_", "include_", "too_deep", "too_many_aliases", "yaml_")
"""How the keys of problems begin with which a file holds items that nobody can see."""
NOTHING_THERE = ("include_missing", "include_folder_missing")

_BOM = b"\xef\xbb\xbf"
_HEADER = "# Helpers that were made over the API. They may be edited here as well.\n"


@dataclass(frozen=True, slots=True)
class Edit:
    """One file: what it was when it was read and what it is to be; None: no file."""

    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an item stands: in ``path`` at ``steps``. ``at`` is its path in the loaded configuration."""

    path: Path
    steps: Steps
    at: Steps


class Places:
    """One look at the configuration folder. Blocks: made and used in a thread."""

    def __init__(self, config_dir: Path, loader: Loader, scrub: Any) -> None:
        self.config_dir = config_dir
        self._loader = loader
        self._scrub = scrub
        self._files = Files()
        self._contents: dict[Path, bytes] = {}
        try:
            self.loaded = self._load(self._files)
        except Unreadable as error:
            raise ItemConflict(f"the configuration cannot be read: {error}") from error

    def items(self, domain: str) -> Items:
        """What says how items of a domain look. Raises ``ItemMissing`` for one that has none."""
        try:
            found = self._loader.find(domain)
            items = None if found is None else items_of(found.schema())
        except ConfigError as error:
            raise ItemConflict(str(error)) from error
        if items is None:
            raise ItemMissing(f"'{domain}' has no items that could be edited one by one")
        return items

    # -- reading ----------------------------------------------------------------------------------

    def find(self, domain: str, item_id: str) -> _Spot | None:
        """Where an item stands; None when there is none of that id. Raises ``ItemConflict`` when it may stand in a file
        that cannot be read."""
        items = self.items(domain)
        for key, data in self.loaded.data.items():
            if _domain(key) != domain:
                continue
            for step, item in _pairs(items, data):
                known_as = item.get("id") if items.by == "index" and isinstance(item, dict) else step
                if isinstance(known_as, (str, int)) and str(known_as) == item_id:
                    at: Steps = (key,) if step is None else (key, step)
                    return self._spot(at)
        for problem in self.loaded.problems:
            concerns = not problem.path or problem.path[0] in CORE_KEYS or _domain(problem.path[0]) == domain
            if concerns and problem.key.startswith(UNREADABLE) and problem.key not in NOTHING_THERE:
                raise ItemConflict(f"{problem.told()}; mend that first")
        return None

    def item(self, spot: _Spot) -> ConfigItem:
        """What stands there."""
        text, root = self._text(spot.path)
        node = None if root is None else root.at(spot.steps)
        if node is None:
            raise ItemConflict(f"{self.name(spot.path)} is not what it was a moment ago; try again")
        version = blake2b(text[node.start : node.end].encode(), digest_size=12).hexdigest()
        line = text.count("\n", 0, node.start) + 1
        return ConfigItem(self._hidden(node.value), version, self.name(spot.path), line)

    def made(self, domain: str) -> Mapping[str, Any]:
        """The items of a domain in the file of those that clients made."""
        path = self.config_dir / MADE
        if path not in self.loaded.files:
            return {}
        node = self._text(path)[1]
        found = None if node is None else node.at((domain,))
        return self._hidden(found.value) if found is not None and isinstance(found.value, dict) else {}

    def name(self, path: Path) -> str:
        """A file for a person."""
        return path.relative_to(self.config_dir).as_posix() if path.is_relative_to(self.config_dir) else str(path)

    # -- what files are to become -------------------------------------------------------------------

    def replaced(self, spot: _Spot, value: Any) -> Edit:
        """The edit that gives an item another value."""
        shown = self.item(spot).value
        root = self._text(spot.path)[1]
        node = None if root is None else root.at(spot.steps)
        assert node is not None
        if shown != node.value:
            raise self._cannot(spot.path, "it holds a secret in clear; put that into secrets.yaml first")
        return self._changed(spot.path, spot.steps, value)

    def removed(self, spot: _Spot) -> Edit:
        """The edit that takes an item out."""
        if not spot.steps:
            source, steps = self.loaded.source.follow(spot.at, key=True)
            above = self._path(source)
            root = self._text(above)[1]
            if above == spot.path or root is None or root.at(steps) is None:
                return Edit(spot.path, self._content(spot.path), None)
            spot = replace(spot, path=above, steps=steps)
            if not steps:
                raise self._cannot(above, "it is the whole file")
        root = self._text(spot.path)[1]
        parent = None if root is None else root.at(spot.steps[:-1])
        assert parent is not None
        last = spot.steps[-1]
        if isinstance(parent.value, dict):
            rest: Any = {key: value for key, value in parent.value.items() if key != last}
        else:
            rest = [value for index, value in enumerate(parent.value) if index != last]
        return self._changed(spot.path, spot.steps[:-1], rest, among_others=True)

    def added(self, domain: str, item_id: str, value: Any) -> Edit:
        """The edit that puts a new item behind the others of its domain, wherever these stand."""
        items = self.items(domain)
        main = self.config_dir / MAIN
        data = self.loaded.source.elsewhere[()][0]
        document = {} if data.document is None or data.document.data is None else data.document.data
        keys = [key for key in document if isinstance(key, str) and key.partition(" ")[0] == domain]
        if not keys:
            root = self._text(main)[1]
            whole = {} if root is None or root.value is None else root.value
            return self._changed(main, (), {**whole, domain: _joined(items, None, item_id, value)}, among_others=True)
        key = domain if domain in keys else keys[0]
        if isinstance(tag := document[key], Tag):
            return self._added_behind(tag, items, item_id, value)
        return self._appended(main, (key,), items, item_id, value)

    def added_to_made(self, domain: str, key: str, value: Any) -> Edit:
        """The edit that adds or changes an item that a client made."""
        path = self.config_dir / MADE
        if path not in self.loaded.files:
            if path.exists():
                raise self._cannot(path, "it cannot be read")
            return Edit(path, None, (_HEADER + write({domain: {key: value}})).encode())
        root = self._text(path)[1]
        data = {} if root is None or root.value is None else root.value
        if not isinstance(data, dict) or (MADE,) not in self.loaded.source.elsewhere[()][0].elsewhere:
            raise self._cannot(path, "it is included by your configuration; give that file another name")
        if not isinstance(data.get(domain), dict):
            return self._changed(path, (), {**data, domain: {key: value}}, among_others=True)
        if key in data[domain]:
            return self._changed(path, (domain, key), value)
        return self._changed(path, (domain,), {**data[domain], key: value}, among_others=True)

    def removed_from_made(self, domain: str, key: str) -> Edit:
        """The edit that takes out an item that a client made."""
        if key not in self.made(domain):
            raise ItemMissing(f"there is no {domain} '{key}' that was made over the API")
        path = self.config_dir / MADE
        return self.removed(_Spot(path, (domain, key), (domain, key)))

    # -- would it be right ----------------------------------------------------------------------------

    def check(self, edit: Edit, domain: str, item_id: str | None) -> None:
        """Raises ``ItemInvalid`` when the configuration would have an error after the edit that it has not now, or the
        item of that id would be wrong."""
        texts = {} if edit.after is None else {edit.path: edit.after.decode("utf-8-sig")}
        try:
            loaded = self._load(_Overlay(self._files, texts, edit.path))
        except Unreadable as error:
            raise ItemInvalid([problem.told() for problem in error.problems]) from error
        before = self._problems(self.loaded, domain)[0]
        problems, good = self._problems(loaded, domain)
        known = Counter((problem.file, problem.sentence()) for problem in before)
        new = []
        for problem in problems:
            known[problem.file, problem.sentence()] -= 1
            if known[problem.file, problem.sentence()] < 0:
                new.append(problem.told())
        if item_id is not None and item_id not in good and not new:
            new = [problem.told() for problem in problems] or [f"the {domain} '{item_id}' would not be used"]
        if new:
            raise ItemInvalid([self._scrub(text) for text in new])

    def _problems(self, loaded: Loaded, domain: str) -> tuple[list[Problem], set[str]]:
        data = {key: value for key, value in loaded.data.items() if key.partition(" ")[0] == domain}
        checked = check(replace(loaded, data=data), self._loader)
        good: set[str] = set()
        for entry in checked.entries.values():
            good.update(() if entry.items is None else map(str, entry.items.good))
        return [problem for problem in checked.problems if problem.severity == "error"], good

    # -- inside -------------------------------------------------------------------------------------

    def _load(self, files: Files) -> Loaded:
        loader = self._loader
        return load(self.config_dir, merge_of=loader.merge_of, blueprints_of=loader.blueprints_of, files=files)

    def _spot(self, at: Steps) -> _Spot:
        source, steps = self.loaded.source.follow(at)
        path = self._path(source)
        if any(place[: len(at)] == at and len(place) > len(at) for place in self.loaded.source.elsewhere):
            raise self._cannot(path, "it is put together from several places")
        return _Spot(path, steps, at)

    def _path(self, source: Source) -> Path:
        return self.config_dir / str(source.file)

    def _content(self, path: Path) -> bytes:
        if path not in self._contents:
            try:
                self._contents[path] = path.read_bytes()
            except OSError as error:
                raise self._cannot(path, error.strerror or str(error)) from error
        return self._contents[path]

    def _text(self, path: Path) -> tuple[str, Node | None]:
        try:
            text = self._content(path).removeprefix(_BOM).decode("utf-8")
            return text, read(text)
        except UnicodeDecodeError as error:
            raise self._cannot(path, "it is not UTF-8") from error
        except Unparsable as error:
            told = Problem(error.fault.key, dict(error.fault.placeholders), self.name(path), error.fault.line)
            raise ItemConflict(f"{told.told()}; mend that first") from error

    def _changed(self, path: Path, steps: Steps, value: Any, *, among_others: bool = False) -> Edit:
        content = self._content(path)
        text, root = self._text(path)
        if _has_new_mask(None if root is None else root.value, value):
            raise ItemInvalid([f"'{MASK}' stands for a secret; write the value, or better !secret and its name"])
        try:
            after = change(text, steps, value, among_others=among_others)
        except CannotEdit as error:
            raise self._cannot(path, str(error)) from error
        bom = _BOM if content.startswith(_BOM) else b""
        return Edit(path, content, bom + after.encode())

    def _appended(self, path: Path, steps: Steps, items: Items, item_id: str, value: Any) -> Edit:
        root = self._text(path)[1]
        node = None if root is None else root.at(steps)
        there = None if node is None else node.value
        if items.by == "index" and isinstance(there, dict) and there:
            raise self._cannot(path, "there is one item alone where a list could take another; write a - before it")
        if isinstance(there, str):
            raise self._cannot(path, f"there is '{there}' where the items could be")
        return self._changed(path, steps, _joined(items, there, item_id, value), among_others=True)

    def _added_behind(self, tag: Tag, items: Items, item_id: str, value: Any) -> Edit:
        target = self.config_dir / str(tag.argument)
        if tag.name == "!include":
            if not target.exists():
                return Edit(target, None, write(_joined(items, None, item_id, value)).encode())
            return self._appended(target, (), items, item_id, value)
        if not tag.name.startswith("!include_dir"):
            raise self._cannot(self.config_dir / MAIN, f"there is '{tag.name}' where the items could be")
        stem = item_id if tag.name == "!include_dir_named" else slugify(item_id)
        path = target / f"{stem}.yaml"
        if path.exists() or slugify(stem) != stem.lower():
            raise self._cannot(path, "no new file of that name can be made; choose another id")
        whole = _joined(items, None, item_id, value)
        if tag.name in ("!include_dir_list", "!include_dir_named"):
            whole = whole[0] if isinstance(whole, list) else whole[item_id]
        return Edit(path, None, write(whole).encode())

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._scrub(value)
        if isinstance(value, dict):
            return {key: self._hidden(item) for key, item in value.items()}
        return [self._hidden(item) for item in value] if isinstance(value, list) else value

    def _cannot(self, path: Path, why: str) -> ItemConflict:
        return ItemConflict(f"this cannot be edited here, for in {self.name(path)} {why}")


class _Overlay(Files):
    """The files as they are, but for one that is as it would be."""

    def __init__(self, files: Files, texts: Mapping[Path, str], edited: Path) -> None:
        super().__init__()
        self._below = files
        self._texts = texts
        self._edited = edited

    def read(self, path: Path) -> Read:
        if path != self._edited:
            return self._below.read(path)
        return _parsed(self._texts[path]) if path in self._texts else Read(None, Fault("file_missing"))

    def listed(self, folder: Path, paths: Iterable[Path]) -> Iterable[Path]:
        found = [path for path in paths if path != self._edited]
        if self._edited in self._texts and self._edited.is_relative_to(folder):
            found.append(self._edited)
        return found


def _domain(key: Any) -> str:
    return str(key).partition(" ")[0]


def _parsed(text: str) -> Read:
    try:
        return Read(parse(text))
    except Unparsable as error:
        return Read(None, error.fault)


def _pairs(items: Items, data: Any) -> list[tuple[Any, Any]]:
    if items.by == "index":
        return list(enumerate(data)) if isinstance(data, list) else [(None, data)] if isinstance(data, dict) else []
    return list(data.items()) if isinstance(data, dict) else []


def _joined(items: Items, there: Any, item_id: str, value: Any) -> Any:
    if items.by == "index":
        return [*(there or ()), value]
    return {**(there or {}), item_id: value}


def _has_new_mask(old: Any, new: Any) -> bool:
    return _masks(new) > _masks(old)


def _masks(value: Any) -> int:
    if isinstance(value, str):
        return int(MASK in value)
    if isinstance(value, dict):
        return sum(map(_masks, value.values()))
    return sum(map(_masks, value)) if isinstance(value, list) else 0
