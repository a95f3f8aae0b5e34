"""What stands in the documentation can be pasted: each YAML example that begins with an integration passes the check,
and each link leads somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nanobot.cli import check

ROOT = Path(__file__).parent.parent
DOCS = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
_FENCED = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"^([a-z][a-z0-9_]*)(?: [^:]*)?:", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+\.md)?(#[^)\s]+)?\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)

CORE = {"nanobot", "homeassistant"}
INTEGRATIONS = {path.parent.name for path in (ROOT / "integrations").glob("*/manifest.json")}


class Example(NamedTuple):
    """``line``: where it begins in its page."""

    page: str
    line: int
    text: str


def examples() -> Iterator[Example]:
    """All that are a configuration: their top level names integrations and nothing else."""
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for found in _FENCED.finditer(text):
            keys = set(_KEY.findall(found[1]))
            elsewhere = "!" in found[1] or "path: above.yaml" in found[1]  # needs files that stand beside it
            if keys and keys <= INTEGRATIONS | CORE and not elsewhere:
                yield Example(path.name, text.count("\n", 0, found.start(1)) + 1, found[1])


EXAMPLES = list(examples())


def test_the_language_has_examples() -> None:
    pages = [example.page for example in EXAMPLES]
    assert pages.count("actions.md") >= 10
    assert {"automations.md", "conditions.md", "scripts.md", "templates.md"} <= set(pages)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.page}:{example.line}")
def test_an_example_passes_the_check(example: Example, config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config_dir / "configuration.yaml").write_text("\n" * (example.line - 1) + example.text, encoding="utf-8")
    check.run(config_dir, as_json=True)
    report = json.loads(capsys.readouterr().out)
    wrong = [problem for problem in report["problems"] if problem.get("severity", "error") == "error"]
    assert not wrong


def anchor(heading: str) -> str:
    """As code hosts make it: small letters, no marks, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, place in _LINK.findall(text):
        target = page.parent / name if name else page
        assert target.is_file(), f"{name} is not there"
        if place:
            anchors = {anchor(heading) for heading in _HEADING.findall(target.read_text(encoding="utf-8"))}
            assert place[1:] in anchors, f"{name}{place} is not there"
