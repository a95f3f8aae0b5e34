"""From a folder to plain data: files read, tags followed, packages merged, and where everything stands.

What is loaded is shared with later loads of the same files. Treat it as frozen: copy before you change.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanobot.config.files import Files
from nanobot.config.merge import Merger
from nanobot.config.problem import Problem
from nanobot.config.resolve import Broken, Resolver
from nanobot.config.source import Source
from nanobot.config.substitute import Made, substitute
from nanobot.errors import ConfigError
from nanobot.util.yaml import Path as Steps

MAIN = "configuration.yaml"
MADE = "made_helpers.yaml"
"""What clients of the API had made. It counts as one more package wherever it is not included already."""


class Unreadable(ConfigError):
    """Nothing can be made of the configuration: the main file is missing, is no YAML or no mapping."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Loaded:
    """The configuration as it stands on disk, nothing in it validated.

    ``data`` has the top-level keys with packages merged in, but not the core block, which is ``core`` (without
    ``packages``) and was written as ``core_key``. ``broken`` are the places in both that could not be made out.
    ``incomplete``: a part that may have held whole keys is unreadable, so a missing key need not be a removed one.
    """

    data: dict[str, Any]
    core: dict[str, Any]
    files: frozenset[Path] = frozenset()
    problems: list[Problem] = field(default_factory=list)
    secrets: frozenset[str] = frozenset()
    source: Source = field(default_factory=Source)
    core_key: str = "nanobot"
    broken: tuple[Broken, ...] = ()
    incomplete: bool = False
    concerning: dict[str, list[tuple[Steps, Problem]]] = field(default_factory=dict)
    """The problems that lie in each key of ``data``, with their path in it."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The text of each file that was read, by its name in problems."""
    made: dict[Steps, Made] = field(default_factory=dict)
    """The items of ``data`` that were made from blueprints, by their path."""

    def locate(self, path: Steps, *, key: bool = False) -> tuple[str | None, int | None]:
        """File and line of the nearest known node on ``path``, which begins with a key of ``data`` or ``core_key``.

        A value may stand in an included file or in a blueprint; ``key`` asks for the line of its key.
        """
        if (made := self.made.get(path[:2])) is not None:
            origin = made.origin(path[2:])
            if origin.source is not None:
                return origin.source.locate(origin.steps, key=key)
            path = path[:2] + origin.steps
        return self.source.locate(path, key=key)

    def written(self, path: Steps) -> Steps:
        """``path`` as its writer knows it: with the label that merging took off."""
        for length in range(len(path), 0, -1):
            if (found := self.source.elsewhere.get(path[:length])) is not None:
                place = found[1]
                in_package = place[:2] == (self.core_key, "packages") or place[:1] == (MADE,)
                return path if in_package else place + path[length:]
        return path

    def made_by_clients(self) -> frozenset[str]:
        """The items of ``made_helpers.yaml``, as ``domain.key``; none where somebody includes that file themselves."""
        whole = self.source.elsewhere.get(())
        if whole is None or (MADE,) not in whole[0].elsewhere:
            return frozenset()
        return frozenset(
            f"{key.partition(' ')[0]}.{item}"
            for key, data in self.data.items()
            if isinstance(data, dict)
            for item in data
            if self.source.locate((key, item))[0] == MADE
        )


def load(
    config_dir: Path,
    *,
    merge_of: Callable[[str], str | None] = lambda domain: None,
    blueprints_of: Callable[[str], Collection[str] | None] = lambda domain: None,
    files: Files | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """Read a configuration folder. Blocks; may run in any thread. Raises ``Unreadable``.

    ``merge_of`` gives a domain's ``merge`` of its manifest, ``blueprints_of`` which kinds of entities its blueprints
    may stand for; None: it has no blueprints. ``files`` remembers parsed files from load to load; a file
    in it that cannot be read any more counts with its last good content, and with a problem.
    """
    config_dir = Path(os.path.abspath(config_dir))  # noqa: PTH100 - a link to the folder is not to be followed
    files = Files() if files is None else files
    resolver = Resolver(config_dir, files, environ)
    main = resolver.main(config_dir / MAIN)
    if main is None:
        if resolver.problems[0].key == "file_missing":
            resolver.problems[0] = Problem("main_missing", {"folder": str(config_dir)}, MAIN)
        raise Unreadable(resolver.problems)
    if main.data is None:
        main.data = {}
    if not isinstance(main.data, dict):
        if not resolver.problems:
            resolver.problems.append(Problem("main_not_mapping", {}, *main.locate(())))
        raise Unreadable(resolver.problems)
    merger = Merger(main, merge_of)
    merger.run(resolver.also(main, config_dir / MADE, (MADE,)))
    broken = [Broken(_moved(b.path, merger.moved), b.partly) for b in resolver.broken]
    broken = [Broken(b.path, b.partly or b.path in merger.partial) for b in broken]
    core_packages = (merger.core_key, "packages")
    problems = [*resolver.problems, *merger.problems]
    concerning: dict[str, list[tuple[Steps, Problem]]] = {}
    for problem in problems:
        if place := _moved(problem.path, merger.moved):
            concerning.setdefault(place[0], []).append((place, problem))
    loaded = Loaded(
        data=merger.data,
        core=merger.core,
        problems=problems,
        secrets=frozenset(resolver.secrets),
        source=Source(elsewhere=merger.elsewhere),
        core_key=merger.core_key,
        broken=tuple(broken),
        incomplete=merger.incomplete or any(b.path[:2] == core_packages for b in broken),
        concerning=concerning,
        texts=resolver.texts,
    )
    substitute(loaded, resolver, merge_of, blueprints_of, files.made)
    files.keep_only(resolver.asked)
    loaded.files = frozenset(resolver.read)
    return loaded


def _moved(path: Steps, moved: Mapping[Steps, Steps]) -> Steps:
    for length in range(len(path), 0, -1):
        if (new := moved.get(path[:length])) is not None:
            return new + path[length:]
    return path
