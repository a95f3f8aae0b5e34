"""Whatever stands in the files: it is loaded or told, and never crashes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nanobot.config.load import Unreadable

from .conftest import FakeCatalogue, Folder, automations

PIECES = [
    "nanobot:",
    "  packages: !include_dir_named packages",
    "  latitude: 5",
    "automation: !include a.yaml",
    "automation two:",
    "  - alias: x",
    "  - {alias: [y], triggers: [{at: '25:00'}]}",
    "    note: !secret s",
    "script:",
    "  a: {count: 1}",
    "  b: !include a.yaml",
    "telegrm: {{ x }}",
    "light: &x",
    "light: *x",
    "<<: *x",
    "- alias: z",
    "s: hunter2",
    "s: !env_var NO",
    "x: !include_dir_merge_named .",
    "x: !include configuration.yaml",
    "\t",
    "'",
    "[",
    "? {a: b}",
    "---",
    "1: 2",
    "\x00",
    "é: \ufeff",
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(main=texts, a=texts, secrets=texts, package=texts)
def test_any_files_are_loaded_or_told(main: str, a: str, secrets: str, package: str) -> None:
    catalogue = FakeCatalogue(automation=automations(), light=None)
    catalogue.integrations["automation"].manifest.merge = "list"
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name), catalogue)
        try:
            checked = folder.check(main, a=a, secrets=secrets, packages__p=package)
        except Unreadable as error:
            assert error.problems  # noqa: PT017 - either is fine
            assert str(error)  # noqa: PT017
            return
        for problem in checked.problems:
            assert str(problem)
            assert problem.as_dict("de")["message"]
            assert "hunter2" not in str(problem)
        for entry in checked.entries.values():
            assert entry.ok or entry.problems
