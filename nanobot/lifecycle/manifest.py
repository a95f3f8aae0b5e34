"""The manifest of an integration: what can be known of it without importing anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.config.explain import explain
from nanobot.config.problem import Problem
from nanobot.errors import ConfigError

SCHEMA = vol.Schema(
    {
        vol.Required("domain"): vol.All(str, vol.Match(r"^[a-z_][a-z0-9_]*$", msg="small letters, digits and _")),
        vol.Required("name"): str,
        vol.Optional("documentation", default=""): str,
        vol.Optional("requirements", default=list): [str],
        vol.Optional("dependencies", default=list): [str],
        vol.Optional("after_dependencies", default=list): [str],
        vol.Optional("version", default=""): str,
        vol.Optional("merge"): vol.In(["list", "dict"]),
        vol.Optional("blueprints", default=False): vol.Any(bool, [str]),
        vol.Optional("hidden", default=False): bool,
        vol.Optional("self_contained", default=False): bool,
        vol.Optional("acts", default=False): bool,
        vol.Optional("called", default=False): bool,
        vol.Optional("mirrors", default=False): bool,
        vol.Optional("provides", default=list): [vol.In(["history"])],
    }
)


class BrokenIntegration(ConfigError):
    """An integration that cannot be used; ``problem`` says where it is broken."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Manifest:
    """``merge``: all labelled keys of the domain become one entry, as a list or as a mapping.

    ``blueprints``: its items may use some. A list of names: each stands for one of these, as with entities.
    ``dependencies`` are loaded with it and set up before it; ``after_dependencies`` are set up before it if they
    are there anyway. ``hidden``: not offered to people (the template integration).
    ``self_contained``: it acts within the hub alone, so it is real where automations are only tried out.
    ``acts``: its items begin to act by themselves, so there only the one that is tried out is set up.
    ``called``: its items run when somebody calls them, so what a call would do is played where history is replayed.
    ``mirrors``: it brings entities and services of any domain, which are known only while it is connected.
    ``provides``: what it brings that is wanted while nothing else runs: the ``history``.
    """

    domain: str
    name: str
    documentation: str = ""
    requirements: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    after_dependencies: tuple[str, ...] = ()
    version: str = ""
    merge: str | None = None
    blueprints: bool | tuple[str, ...] = False
    hidden: bool = False
    self_contained: bool = False
    acts: bool = False
    called: bool = False
    mirrors: bool = False
    provides: tuple[str, ...] = ()


def read(folder: Path) -> Manifest:
    """Read ``manifest.json`` of an integration's folder. Raises ``BrokenIntegration``."""
    path = folder / "manifest.json"
    where = f"integrations/{folder.name}/manifest.json"
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _broken("manifest_missing", where, domain=folder.name) from None
    except OSError as error:
        raise _broken("file_unreadable", where, error=error.strerror or str(error)) from error
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise _broken("manifest_invalid", where, line=line, error=str(error)) from error
    try:
        valid = SCHEMA(data)
    except vol.Invalid as error:
        text = "; ".join(problem.sentence() for problem in explain(error, data, ()))
        raise _broken("manifest_invalid", where, error=text) from error
    if valid["domain"] != folder.name:
        raise _broken("manifest_domain", where, domain=valid["domain"], folder=folder.name)
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in valid.items()}
    return Manifest(**fields)


def _broken(key: str, file: str, line: int | None = None, **placeholders: str) -> BrokenIntegration:
    return BrokenIntegration(Problem(key, placeholders, file=file, line=line))
