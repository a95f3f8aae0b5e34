"""A configuration folder to write into, and integrations that exist only as schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.check import Checked, check
from nanobot.config.files import Files
from nanobot.config.load import Loaded, load


@dataclass
class FakeManifest:
    merge: str | None = None
    blueprints: tuple[str, ...] | None = None
    dependencies: tuple[str, ...] = ()


@dataclass
class FakeIntegration:
    domain: str
    options: Any
    manifest: FakeManifest = field(default_factory=FakeManifest)
    custom: bool = False
    folder: Path = Path()

    def schema(self) -> Any:
        if isinstance(self.options, Exception):
            raise self.options
        return self.options


class FakeCatalogue:
    """Integrations by name. An exception in place of a schema is raised when it is asked for."""

    def __init__(self, **schemas: Any) -> None:
        self.integrations = {domain: FakeIntegration(domain, schema) for domain, schema in schemas.items()}

    def names(self) -> Iterable[str]:
        return self.integrations

    def find(self, domain: str) -> FakeIntegration | None:
        return self.integrations.get(domain)

    def merge_of(self, domain: str) -> str | None:
        found = self.integrations.get(domain)
        return found.manifest.merge if found else None

    def blueprints_of(self, domain: str) -> tuple[str, ...] | None:
        found = self.integrations.get(domain)
        return found.manifest.blueprints if found else None


def automations() -> Any:
    """A schema for items of a list that go deep."""
    return cv.Items(
        {
            vol.Optional("id"): cv.string,
            vol.Required("alias"): cv.string,
            vol.Optional("triggers"): [{"at": cv.time}],
            vol.Optional("note"): object,
        },
        by="index",
    )


@pytest.fixture
def catalogue() -> FakeCatalogue:
    found = FakeCatalogue(
        telegram=vol.Schema(
            {
                vol.Required("token"): cv.secret,
                vol.Optional("allow", default=list): [cv.chat_id],
                vol.Optional("mode"): vol.In(["poll", "push"]),
                vol.Optional("port"): cv.port,
            }
        ),
        automation=automations(),
        script=cv.Items({vol.Optional("alias"): cv.string, vol.Optional("count"): int}),
        light=None,
    )
    found.integrations["automation"].manifest.merge = "list"
    found.integrations["script"].manifest.merge = "dict"
    found.integrations["automation"].manifest.blueprints = ()
    found.integrations["script"].manifest.blueprints = ()
    return found


class Folder:
    """A configuration folder. ``files``: name and text."""

    def __init__(self, path: Path, catalogue: FakeCatalogue) -> None:
        self.path = path
        self.catalogue = catalogue
        self.files = Files()
        self.environ: dict[str, str] = {}

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def load(self, main: str | None = None, **files: str) -> Loaded:
        """Write ``configuration.yaml`` and others (``a__b`` is a/b.yaml), and load."""
        if main is not None:
            self.write({"configuration.yaml": main})
        self.write({f"{name.replace('__', '/')}.yaml": text for name, text in files.items()})
        return load(
            self.path,
            merge_of=self.catalogue.merge_of,
            blueprints_of=self.catalogue.blueprints_of,
            files=self.files,
            environ=self.environ,
        )

    def check(self, main: str | None = None, before: Checked | None = None, /, **files: str) -> Checked:
        """As ``load``, and check. ``before``: what was checked the last time."""
        return check(self.load(main, **files), self.catalogue, before)

    def told(self, main: str | None = None, **files: str) -> list[str]:
        """All problems as lines."""
        return [str(problem) for problem in self.check(main, **files).problems]


@pytest.fixture
def folder(tmp_path: Path, catalogue: FakeCatalogue) -> Folder:
    return Folder(tmp_path, catalogue)
