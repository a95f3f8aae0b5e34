"""Clients from npm, unchanged, in Node."""

from __future__ import annotations

import json

import pytest

from tests.clients.conftest import HERE, House, Node


@pytest.mark.server
@pytest.mark.parametrize("script", ["home-assistant-js-websocket", "node-red", "openai"])
def test_a_client_from_npm(script: str, node: Node, house: House) -> None:
    node.run(f"{script}.test.mjs", house)


def test_the_lock_file_has_hashes_and_names_no_registry() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    packages.pop("")
    assert len(packages) > 3
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
