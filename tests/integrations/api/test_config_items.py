"""Automations, scripts, scenes and helpers by id: read from somebody's YAML and written there, live when answered."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from nanobot.lifecycle.item_places import Places
from nanobot.testing.plugin import House

from .conftest import Api

MAIN = """\
# My house
http:
  port: 0
api:

automation: !include automations.yaml
automation kitchen:  # by hand
  - id: tea   # at five
    alias: "Tea"
    triggers: []
    actions: []
script:
  morning:
    # first the light
    sequence:
      - delay: 1   # a breath
scene: !include_dir_merge_list scenes/
input_boolean:
  lamp: {name: Lamp}  # by hand
homeassistant:
  packages:
    cellar:
      automation:
        - id: cellar
          alias: Cellar
          triggers: []
          actions: []
"""
AUTOMATIONS = """\
# Made with care

- id: '1'
  alias: One   # the first
  triggers:
    # when it gets dark
    - trigger: event
      event_type: dusk
  actions:
    - event: lit
      event_data:
        token: !secret door

- id: plain
  alias: Plain
  trigger: []
  action: []
"""


@pytest.fixture
async def api(house: House, client: Any) -> Api:
    house.write(AUTOMATIONS, "automations.yaml")
    house.write("door: open-sesame\n", "secrets.yaml")
    house.write("- id: evening # calm\n  name: Evening\n  entities:\n    input_boolean.lamp: 'on'\n", "scenes/a.yaml")
    await house.start(MAIN)
    assert not house.edits.problems, house.edits.problems
    return Api(house.hub, client)


@pytest.fixture
def text(house: House) -> Callable[[str], str]:
    """What stands in a file of the configuration."""
    return lambda file: (house.config_dir / file).read_bytes().decode()


AUTOMATION = "/api/config/automation/config"


async def test_an_item_is_shown_as_it_is_written_and_a_secret_by_its_name(api: Any) -> None:
    found = await api.get(f"{AUTOMATION}/1")
    assert found.status == 200
    assert found.data["alias"] == "One"
    assert found.data["actions"] == [{"event": "lit", "event_data": {"token": "!secret door"}}]
    assert found.headers["ETag"].startswith('"')


async def test_a_missing_one_is_404_whatever_is_asked(api: Any) -> None:
    missing = (404, {"message": "Resource not found"})
    for method in ("GET", "DELETE"):
        for path in ("automation/config/nosuch", "script/config/nosuch", "nosuch/config/1", "http/config/port"):
            found = await api.ask(method, f"/api/config/{path}")
            assert (found.status, found.data) == missing, path


async def test_one_changed_option_changes_one_line_and_is_live_at_once(api: Any, text: Any) -> None:
    value = (await api.get(f"{AUTOMATION}/1")).data
    done = await api.post(f"{AUTOMATION}/1", {**value, "alias": "Uno"})
    assert (done.status, done.data) == (200, {"result": "ok"})
    assert text("automations.yaml") == AUTOMATIONS.replace("One   # the first", "Uno   # the first")
    assert text("configuration.yaml") == MAIN
    assert "Uno" in [state["attributes"].get("friendly_name") for state in (await api.get("/api/states")).data]


@pytest.mark.parametrize(
    ("path", "change", "file", "before", "after"),
    [
        ("automation/config/tea", {"alias": "Chai"}, "configuration.yaml", 'alias: "Tea"', "alias: Chai"),
        ("automation/config/cellar", {"alias": "Below"}, "configuration.yaml", "alias: Cellar", "alias: Below"),
        ("script/config/morning", {"sequence": [{"delay": 2}]}, "configuration.yaml", "delay: 1 ", "delay: 2 "),
        ("scene/config/evening", {"name": "Night"}, "scenes/a.yaml", "name: Evening", "name: Night"),
        ("input_boolean/config/lamp", {"name": "Light"}, "configuration.yaml", "{name: Lamp}", "{name: Light}"),
    ],
)
async def test_it_is_edited_wherever_it_stands(
    api: Any, text: Any, path: str, change: Any, file: str, before: str, after: str
) -> None:
    old = text(file)
    value = (await api.get(f"/api/config/{path}")).data
    done = await api.post(f"/api/config/{path}", {**value, **change})
    assert (done.status, done.data) == (200, {"result": "ok"}), done.data
    assert text(file) == old.replace(before, after)


@pytest.mark.parametrize(
    ("path", "value", "file", "added"),
    [
        ("automation/config/new", {"alias": "New", "triggers": [], "actions": []}, "automations.yaml",
         "\n- id: new\n  alias: New\n  triggers: []\n  actions: []\n"),
        ("scene/config/late", {"name": "Late", "entities": {"input_boolean.lamp": "off"}}, "scenes/late.yaml",
         "- id: late\n  name: Late\n  entities:\n    input_boolean.lamp: 'off'\n"),
        ("counter/config/cups", {"initial": 3}, "configuration.yaml", "counter:\n  cups:\n    initial: 3\n"),
    ],
)  # fmt: skip
async def test_a_new_one_stands_behind_the_others(
    api: Any, house: House, text: Any, path: str, value: Any, file: str, added: str
) -> None:
    before = text(file) if (house.config_dir / file).exists() else ""
    done = await api.post(f"/api/config/{path}", value)
    assert (done.status, done.data) == (200, {"result": "ok"}), done.data
    assert text(file) == before + added
    assert (await api.get(f"/api/config/{path}")).status == 200


async def test_a_new_script_is_a_service_when_the_answer_comes(api: Any, text: Any) -> None:
    done = await api.post("/api/config/script/config/evening", {"sequence": [{"event": "dusk"}]})
    assert done.data == {"result": "ok"}
    assert text("configuration.yaml") == MAIN.replace(
        "# a breath\n", "# a breath\n  evening:\n    sequence:\n      - event: dusk\n"
    )
    assert (await api.post("/api/services/script/evening", {})).status == 200


async def test_a_deleted_one_is_gone_and_nothing_else_is(api: Any, text: Any) -> None:
    for domain, item_id in (("automation", "1"), ("scene", "evening")):
        done = await api.delete(f"/api/config/{domain}/config/{item_id}")
        assert (done.status, done.data) == (200, {"result": "ok"}), done.data
        assert (await api.get(f"/api/config/{domain}/config/{item_id}")).status == 404
    assert text("automations.yaml") == "# Made with care\n\n\n" + AUTOMATIONS[AUTOMATIONS.index("- id: plain") :]
    assert text("scenes/a.yaml") == "[]\n"
    states = (await api.get("/api/states")).data
    assert not [state for state in states if state["attributes"].get("friendly_name") == "One"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Invalid JSON specified"),
        (None, "Invalid JSON specified"),
        (["x"], "an item is an object"),
        ({"alias": "A", "triggers": [{"trigger": "nosuch"}], "actions": []}, "nosuch"),
        ({"alias": "A", "triggers": [], "actions": [], "mod": "single"}, "did you mean 'mode'"),
        ({"use_blueprint": {"path": "nosuch.yaml"}}, "nosuch.yaml"),
    ],
)
async def test_what_is_wrong_is_refused_with_a_sentence_and_not_written(
    api: Any, text: Any, body: Any, words: str
) -> None:
    refused = await api.post(f"{AUTOMATION}/1", body)
    assert refused.status == 400
    assert words in refused.data["message"]
    assert text("automations.yaml") == AUTOMATIONS


async def test_a_script_needs_a_key_that_can_be_one(api: Any, text: Any) -> None:
    refused = await api.post("/api/config/script/config/Not%20so", {"sequence": []})
    assert refused.status == 400
    assert text("configuration.yaml") == MAIN


async def test_only_administrators_may(api: Any) -> None:
    for access in ("read", "user"):
        assert (await api.get(f"{AUTOMATION}/1", access=access)).status == 403
        assert (await api.post(f"{AUTOMATION}/1", {}, access=access)).status == 403
        assert (await api.delete(f"{AUTOMATION}/1", access=access)).status == 403
    assert (await api.get(f"{AUTOMATION}/1", access=None)).status == 401


async def test_whoever_knows_an_older_version_does_not_write_over_the_newer(api: Any, house: House, text: Any) -> None:
    found = await api.get(f"{AUTOMATION}/plain")
    known = {"If-Match": found.headers["ETag"]}
    edited = AUTOMATIONS.replace("alias: Plain", "alias: Mine")
    house.write(edited, "automations.yaml")  # with an editor, meanwhile
    late = await api.post(f"{AUTOMATION}/plain", {**found.data, "alias": "Theirs"}, headers=known)
    assert (late.status, late.data) == (412, {"message": "somebody has changed it since you read it"})
    assert (await api.delete(f"{AUTOMATION}/plain", headers=known)).status == 412
    assert text("automations.yaml") == edited
    again = {"If-Match": (await api.get(f"{AUTOMATION}/plain")).headers["ETag"]}
    done = await api.post(f"{AUTOMATION}/plain", {**found.data, "alias": "Ours"}, headers=again)
    assert done.status == 200
    assert done.headers["ETag"] == (await api.get(f"{AUTOMATION}/plain")).headers["ETag"]


async def test_one_that_is_to_be_new_does_not_take_the_place_of_another(api: Any) -> None:
    refused = await api.post(f"{AUTOMATION}/1", {"triggers": [], "actions": []}, headers={"If-None-Match": "*"})
    assert (refused.status, refused.data) == (412, {"message": "there is one of that id already"})


async def test_many_writers_at_once_lose_nothing(api: Any, text: Any) -> None:
    body = {"alias": "A", "triggers": [], "actions": []}
    done = await asyncio.gather(*(api.post(f"{AUTOMATION}/n{number}", body) for number in range(6)))
    assert [one.data for one in done] == [{"result": "ok"}] * 6
    written = text("automations.yaml")
    assert written.startswith(AUTOMATIONS)
    assert all(written.count(f"- id: n{number}\n") == 1 for number in range(6))


async def test_a_file_that_cannot_be_read_is_not_written(api: Any, house: House, text: Any) -> None:
    broken = AUTOMATIONS + "- id: [\n"
    house.write(broken, "automations.yaml")
    refused = await api.post(f"{AUTOMATION}/1", {"alias": "X", "triggers": [], "actions": []})
    assert refused.status == 409
    assert "automations.yaml:" in refused.data["message"]
    assert text("automations.yaml") == broken


@pytest.mark.parametrize(
    ("file", "path"),
    [("automations.yaml", f"{AUTOMATION}/1"), ("scenes/a.yaml", "/api/config/scene/config/evening")],
)
async def test_what_stands_in_a_broken_file_is_neither_missing_nor_new(
    api: Any, house: House, text: Any, file: str, path: str
) -> None:
    house.write(f"{text(file)}- id: [\n", file)
    item = {"alias": "X", "triggers": [], "actions": []} if "scene" not in path else {"name": "X", "entities": {}}
    for asked in (api.get(path), api.post(path, item), api.delete(path)):
        answer = await asked
        assert (answer.status, file in answer.data["message"], "mend" in answer.data["message"]) == (409, True, True)
    assert sorted(one.name for one in (house.config_dir / "scenes").iterdir()) == ["a.yaml"]
    assert (await api.get("/api/config/script/config/morning")).status == 200
    assert (await api.get("/api/config/script/config/nosuch")).status == 404


async def test_what_is_shared_through_an_anchor_is_left_alone(api: Any, house: House, text: Any) -> None:
    shared = "- &one\n  id: '1'\n  alias: One\n  triggers: []\n  actions: []\n- <<: *one\n  id: two\n"
    await house.apply(shared, "automations.yaml")
    refused = await api.post(f"{AUTOMATION}/1", {"alias": "X", "triggers": [], "actions": []})
    assert refused.status == 409
    assert "automations.yaml" in refused.data["message"]
    assert "anchor" in refused.data["message"]
    assert text("automations.yaml") == shared


async def test_a_secret_keeps_its_name_when_the_item_is_edited(api: Any, text: Any) -> None:
    value = (await api.get(f"{AUTOMATION}/1")).data
    value["actions"].insert(0, {"delay": 1})
    assert (await api.post(f"{AUTOMATION}/1", value)).status == 200
    assert "token: !secret door\n" in text("automations.yaml")
    assert "sesame" not in text("automations.yaml")


async def test_a_secret_in_clear_is_not_shown(api: Any, house: House) -> None:
    await house.apply(AUTOMATIONS.replace("alias: Plain", "alias: open-sesame"), "automations.yaml")
    found = await api.get(f"{AUTOMATION}/plain")
    assert "sesame" not in str(found.data)
    refused = await api.post(f"{AUTOMATION}/plain", found.data)
    assert refused.status == 409


async def test_the_file_keeps_its_mode_its_link_and_its_line_ends(api: Any, house: House, text: Any) -> None:
    real = house.config_dir / "elsewhere.yaml"
    real.write_bytes(AUTOMATIONS.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link = house.config_dir / "automations.yaml"
    link.unlink()
    link.symlink_to(real)
    value = (await api.get(f"{AUTOMATION}/1")).data
    assert (await api.post(f"{AUTOMATION}/1", {**value, "mode": "queued"})).status == 200
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes().count(b"\r\n") == real.read_bytes().count(b"\n")
    assert "  mode: queued\r\n" in text("elsewhere.yaml")


async def test_one_in_a_file_of_its_own_takes_the_file_along(api: Any, house: House, text: Any) -> None:
    house.write("alias: Far\ntriggers: []\nactions: []\nid: far # here\n", "auto/far.yaml")
    await house.apply(MAIN.replace("automation: !include automations.yaml", "automation: !include_dir_list auto"))
    value = (await api.get(f"{AUTOMATION}/far")).data
    assert (await api.post(f"{AUTOMATION}/far", {**value, "alias": "Near"})).status == 200
    assert text("auto/far.yaml") == "alias: Near\ntriggers: []\nactions: []\nid: far # here\n"
    assert (await api.post(f"{AUTOMATION}/two", {"alias": "Two", "triggers": [], "actions": []})).status == 200
    assert text("auto/two.yaml") == "id: two\nalias: Two\ntriggers: []\nactions: []\n"
    assert (await api.delete(f"{AUTOMATION}/far")).status == 200
    assert not (house.config_dir / "auto/far.yaml").exists()


async def test_one_that_uses_a_blueprint_is_shown_and_written_as_it_is(api: Any, house: House, text: Any) -> None:
    blueprint = (
        "blueprint:\n  name: B\n  domain: automation\n  input: {kind: {}}\n"
        "triggers:\n  - trigger: event\n    event_type: !input kind\nactions: []\n"
    )
    house.write(blueprint, "blueprints/automation/b.yaml")
    await house.apply(
        "- id: b\n  use_blueprint: # mine\n    path: b.yaml\n    input: {kind: x} # k\n", "automations.yaml"
    )
    value = (await api.get(f"{AUTOMATION}/b")).data
    assert value == {"id": "b", "use_blueprint": {"path": "b.yaml", "input": {"kind": "x"}}}
    value["use_blueprint"]["input"]["kind"] = "y"
    assert (await api.post(f"{AUTOMATION}/b", value)).status == 200
    assert text("automations.yaml").endswith("use_blueprint: # mine\n    path: b.yaml\n    input: {kind: y} # k\n")


async def test_what_cannot_be_applied_is_put_back(api: Any, text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Places, "check", lambda *_: None)  # as if a file changed just after it was looked at
    refused = await api.post(f"{AUTOMATION}/1", {"triggers": [{"trigger": "nosuch"}], "actions": []})
    assert refused.status == 409
    assert "automations.yaml:" in refused.data["message"]
    assert "taken back" in refused.data["message"]
    assert text("automations.yaml") == AUTOMATIONS
    assert (await api.get(f"{AUTOMATION}/1")).data["alias"] == "One"
    assert not [issue for issue in api.hub.issues if issue.id.startswith("config.")]


async def test_a_file_that_is_edited_in_this_very_moment_is_not_written_over(
    api: Any, house: House, text: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = AUTOMATIONS + "# mine\n"
    monkeypatch.setattr(Places, "check", lambda *_: house.write(theirs, "automations.yaml"))
    refused = await api.post(f"{AUTOMATION}/1", {"triggers": [], "actions": []})
    assert refused.status == 409
    assert "somebody else has just edited automations.yaml" in refused.data["message"]
    assert text("automations.yaml") == theirs


@pytest.mark.slow
async def test_a_running_hub_takes_it_over(tmp_path: Path, client: Any) -> None:
    (tmp_path / "configuration.yaml").write_text("http:\n  port: 0\napi:\nautomation: !include automations.yaml\n")
    (tmp_path / "automations.yaml").write_text(AUTOMATIONS.replace("!secret door", "none"))
    name = [sys.executable, "-m", "nanobot"]
    making = await asyncio.create_subprocess_exec(
        *name, "token", "create", "--config", str(tmp_path), "--name", "t", "--quiet", stdout=PIPE
    )
    token = (await making.communicate())[0].decode().strip()
    hub = await asyncio.create_subprocess_exec(*name, "run", "--config", str(tmp_path), stdout=DEVNULL, stderr=DEVNULL)
    try:
        run = tmp_path / ".storage" / "run.json"
        async with asyncio.timeout(60):
            while not run.exists() or "url" not in (known := orjson.loads(run.read_bytes())):
                await asyncio.sleep(0.1)
        headers = {"Authorization": f"Bearer {token}"}
        async with asyncio.timeout(60):
            while not await _runs(client, f"{known['url']}/api/core/state", headers):
                await asyncio.sleep(0.1)
        address = f"{known['url']}{AUTOMATION}/late"
        body = {"alias": "Late", "triggers": [], "actions": []}
        async with client.post(address, json=body, headers=headers) as answer:
            assert await answer.json() == {"result": "ok"}
        async with client.get(f"{known['url']}/api/states/automation.late", headers=headers) as answer:
            assert (await answer.json())["state"] == "on"
        async with client.delete(address, headers=headers) as answer:
            assert await answer.json() == {"result": "ok"}
        async with client.get(f"{known['url']}/api/states/automation.late", headers=headers) as answer:
            assert answer.status == 404
    finally:
        hub.terminate()
        await hub.wait()
    assert (tmp_path / "automations.yaml").read_text() == AUTOMATIONS.replace("!secret door", "none")


async def _runs(client: Any, address: str, headers: dict[str, str]) -> bool:
    async with client.get(address, headers=headers) as answer:
        return bool(answer.status == 200 and (await answer.json())["state"] == "RUNNING")


async def test_what_was_edited_by_hand_is_applied_when_somebody_asks(api: Any, house: House) -> None:
    house.write(AUTOMATIONS.replace("alias: Plain", "alias: Fancy"), "automations.yaml")
    told = await api.post("/api/config/reload")
    assert (told.status, told.data["applied"], told.data["changed"]) == (200, True, ["automation"])
    assert (await api.post("/api/config/reload", access="user")).status == 403
