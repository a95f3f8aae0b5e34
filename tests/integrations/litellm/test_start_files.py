"""Files that Python executes at each start are told when nobody answers for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from integrations.litellm.start_files import strangers
from nanobot.hub.issues import ISSUE_CREATED
from nanobot.testing.plugin import House
from tests.integrations.litellm.conftest import Configure, told

EXECUTES = "import os; os.system('true')\n"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    for name, files in {"honest-1.0": "honest.pth,,\n", "litellm-1.97.0": "litellm_init.pth,,\n"}.items():
        record = folder / f"{name}.dist-info" / "RECORD"
        record.parent.mkdir(parents=True)
        record.write_text(files)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("planted.pth", EXECUTES, True),
        ("planted.pth", f"/some/where\n{EXECUTES}", True),
        ("litellm_init.pth", EXECUTES, True),  # of the package that once was not its makers'
        ("honest.pth", EXECUTES, False),
        ("_virtualenv.pth", "import _virtualenv\n", False),
        ("paths.pth", "/some/where\n# import os\nimportant\n", False),
    ],
)
def test_what_executes_and_has_no_owner_is_told(packages: Path, name: str, text: str, told: bool) -> None:
    (packages / name).write_text(text)
    assert strangers([str(packages), "/nowhere"]) == ([str(packages / name)] if told else [])


async def test_it_is_an_issue_once_the_library_is_loaded(
    configure: Configure, house: House, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (packages / "planted.pth").write_text(EXECUTES)
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    created = told(house, ISSUE_CREATED)
    await configure()
    await created.wait()
    issue = house.hub.issues.get("litellm.start_file")
    assert issue is not None
    assert str(packages / "planted.pth") in issue.text("en")
