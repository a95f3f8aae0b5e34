"""Each incident of the table in ``README.md`` has tests, and each of these tests is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[str, list[tuple[str, str]]]]:
    """What happened, and its tests."""
    lines = (Path(__file__).parent / "README.md").read_text(encoding="utf-8").splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    return [(cells[0], _TEST.findall(cells[-1])) for cells in table if not set(cells[0]) <= {"-"}]


ROWS = rows()


def test_the_table_is_read() -> None:
    assert len(ROWS) >= 24
    assert all(tests for _, tests in ROWS), [what for what, tests in ROWS if not tests]


@pytest.mark.parametrize("file", sorted({file for _, tests in ROWS for file, _ in tests}))
def test_what_the_table_names_is_there(file: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    there = {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
    assert {name for _, tests in ROWS for place, name in tests if place == file} <= there
