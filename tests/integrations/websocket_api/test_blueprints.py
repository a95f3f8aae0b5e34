"""Blueprints over the socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

REMIND = """\
blueprint:
  name: Remind
  domain: automation
  input:
    when:
      name: When
triggers:
  - trigger: event
    event_type: !input when  # kept
actions: []
"""


async def test_a_blueprint_is_saved_listed_tried_and_deleted(client: Any, config_dir: Path) -> None:
    place = {"domain": "automation", "path": "me/remind.yaml"}
    assert await client.ask("blueprint/save", **place, yaml=REMIND) == {"overrides_existing": False}
    assert "# kept" in (config_dir / "blueprints/automation/me/remind.yaml").read_text()
    listed = (await client.ask("blueprint/list", domain="automation"))["me/remind.yaml"]
    assert listed["metadata"]["name"] == "Remind"
    made = await client.ask("blueprint/substitute", **place, input={"when": "tea"})
    assert made["substituted_config"]["triggers"] == [{"trigger": "event", "event_type": "tea"}]
    assert (await client.fails("blueprint/substitute", **place, input={}))["code"] == "unknown_error"
    assert (await client.fails("blueprint/save", **place, yaml=REMIND))["code"] == "already_exists"
    again = await client.ask("blueprint/save", **place, yaml=REMIND, allow_override=True)
    assert again == {"overrides_existing": True}
    await client.ask("blueprint/delete", **place)
    assert (await client.fails("blueprint/delete", **place))["code"] == "not_found"


async def test_what_cannot_be_a_blueprint_is_refused_with_the_reason(client: Any, config_dir: Path) -> None:
    wrong = {"domain": "automation", "path": "me/wrong.yaml", "yaml": "blueprint: {name: Wrong}"}
    error = await client.fails("blueprint/save", **wrong)
    assert error["code"] == "invalid_format"
    assert "domain" in error["message"]
    outside = {"domain": "automation", "path": "../../secrets.yaml", "yaml": REMIND, "allow_override": True}
    assert (await client.fails("blueprint/save", **outside))["code"] == "invalid_format"
    assert not (config_dir / "secrets.yaml").exists()
    assert (await client.fails("blueprint/delete", domain="automation", path="../../configuration.yaml"))["code"]
    assert (config_dir / "configuration.yaml").exists()
    assert (await client.fails("blueprint/save", domain="light", path="a", yaml=REMIND))["code"] == "invalid_format"
    assert await client.ask("blueprint/list", domain="light") == {}


async def test_an_address_of_this_house_is_not_asked(client: Any) -> None:
    for url in ("file:///etc/passwd", "http://127.0.0.1/x.yaml", "https://localhost/x.yaml", "nonsense"):
        assert (await client.fails("blueprint/import", url=url))["code"] in ("home_assistant_error", "not_supported")
