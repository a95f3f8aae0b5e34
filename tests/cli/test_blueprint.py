"""`nanobot blueprint`: look, import, update, delete, take control."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nanobot.cli import blueprint_commands
from nanobot.cli.schema import schema_of
from nanobot.config.load import load
from nanobot.config.same import same
from nanobot.lifecycle.loader import Loader

TEA = """\
# Grandmother's way
blueprint:
  name: Tea
  description: Puts the kettle on.
  domain: automation   # that is all
  version: "2"
  input:
    at:
      name: When
      selector: {time: {}}
    note: {default: "on"}
triggers:
  - {trigger: time, at: !input at}
actions:
  - event: tea
    event_data: {note: !input note}
  - action: input_boolean.turn_on
    target: {entity_id: input_boolean.kettle}
"""
USES = """\
input_boolean: {kettle: }
automation:
  # the first of the day
  - alias: Early
    id: early
    use_blueprint:
      path: kitchen/tea.yaml
      input:
        at: "07:00"   # o'clock
  # the second
  - alias: Late
    triggers: []
    actions: []
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "160")


class Folder:
    """A configuration folder, and the command on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.output = ""

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def __call__(self, *arguments: str, typed: str = "") -> int:
        typed_in = [*arguments, "--config", str(self.path)]
        result = CliRunner().invoke(blueprint_commands.app, typed_in, input=typed)
        self.output = result.output + (f"\nnanobot: {result.exception}" if result.exception else "")
        return result.exit_code


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "config")
    folder.write("configuration.yaml", USES)
    folder.write("blueprints/automation/kitchen/tea.yaml", TEA)
    return folder


class Site:
    """A web server with a few pages; ``asked`` are the paths that were asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, body, headers = site.pages.get(self.path, (404, b"", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def put(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> str:
        self.pages[path] = (status, body if isinstance(body, bytes) else body.encode(), headers)
        return self.url + path


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


# -- looking --------------------------------------------------------------------------------------


def test_list_tells_where_a_blueprint_is_from_and_how_often_it_is_used(folder: Folder) -> None:
    folder.write("blueprints/automation/bad.yaml", "blueprint: {}\n")
    assert folder("list", "--domain", "automation") == 0
    lines = [line.split() for line in folder.output.splitlines()]
    assert ["automation", "kitchen/tea.yaml", "Tea", "yours", "1"] in lines
    assert ["automation", "bad.yaml", "cannot", "be", "used", "yours"] in lines


def test_list_as_json_is_what_the_api_gives(folder: Folder) -> None:
    assert folder("list", "--json") == 0
    listed = json.loads(folder.output)
    assert sorted(listed) == ["automation", "script", "template"]
    assert listed["automation"]["kitchen/tea.yaml"]["metadata"]["input"]["at"]["name"] == "When"


def test_show_tells_what_it_asks_for_and_how_to_use_it(folder: Folder) -> None:
    assert folder("show", "kitchen/tea.yaml") == 0
    assert "Puts the kettle on." in folder.output
    assert "version: 2" in folder.output
    assert 'used by "Early" (configuration.yaml:4)' in folder.output
    assert folder.output.endswith(
        'automation:\n  - alias: "Tea"\n    use_blueprint:\n      path: kitchen/tea.yaml\n      input:\n        at:\n'
    )


def test_show_can_print_the_text(folder: Folder) -> None:
    assert folder("show", "kitchen/tea.yaml", "--text") == 0
    assert folder.output == TEA


def test_one_that_is_not_there_is_told_with_the_nearest(folder: Folder) -> None:
    assert folder("show", "kitchen/te.yaml") == 1
    assert "there is no automation blueprint 'kitchen/te.yaml'; did you mean 'kitchen/tea.yaml'?" in folder.output


def test_check_finds_what_is_wrong_in_blueprints_that_nothing_uses(folder: Folder) -> None:
    assert folder("check") == 0
    folder.write("blueprints/script/bad.yaml", "blueprint:\n  name: B\n  domain: script\nsequence: !input what\n")
    assert folder("check") == 1
    assert "blueprints/script/bad.yaml:4: sequence: the blueprint has no input 'what'" in folder.output
    assert "with problems: 1." in folder.output


def test_check_takes_any_file(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("blueprint: {name: B, domain: script}\nsequence: !secret x\n")
    assert folder("check", str(file)) == 1
    assert "line 2: sequence: !secret does not work in a blueprint" in folder.output


def test_editors_know_items_that_are_made_from_blueprints(folder: Folder) -> None:
    loader = Loader(folder.path)
    loader.mount()
    found = schema_of(loader)["definitions"]
    lists = next(option for option in found["integration.automation"]["anyOf"] if option.get("type") == "array")
    maps = next(option for option in found["integration.script"]["anyOf"] if option.get("type") == "object")
    for items in (lists["items"], maps["additionalProperties"]):
        assert any(option.get("required") == ["use_blueprint"] for option in items["anyOf"])


# -- importing ------------------------------------------------------------------------------------


def test_a_file_is_shown_and_saved_as_it_is(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "Tea Time.yaml"
    file.write_text(TEA)
    assert folder("import", str(file), "--yes") == 0
    assert TEA in folder.output
    assert "It calls: input_boolean.turn_on" in folder.output
    assert folder.read("blueprints/automation/imported/tea_time.yaml") == TEA


def test_without_an_answer_nothing_is_saved(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA)
    assert folder("import", str(file), "--as", "a/b") == 1
    assert "nothing was saved" in folder.output
    assert not (folder.path / "blueprints/automation/a").exists()


def test_from_an_address_it_keeps_its_comments_and_says_where_it_came_from(folder: Folder, site: Site) -> None:
    url = site.put("/files/tea.yaml", TEA)
    assert folder("import", url, "--yes", "--allow-local", "--as", "home/tea") == 0
    assert folder.read("blueprints/automation/home/tea.yaml") == TEA.replace(
        "# that is all\n", f"# that is all\n  source_url: {url}\n"
    )


def test_redirects_are_followed(folder: Folder, site: Site) -> None:
    site.put("/files/tea.yaml", TEA)
    assert folder("import", site.put("/old", "", 302, Location="/files/tea.yaml"), "--yes", "--allow-local") == 0
    assert site.asked == ["/old", "/files/tea.yaml"]


def test_an_existing_one_is_replaced_only_when_asked_for(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.replace("Puts", "Takes"))
    assert folder("import", str(file), "--yes", "--as", "kitchen/tea.yaml") == 1
    assert "there is a blueprint 'kitchen/tea.yaml' already" in folder.output
    assert folder("import", str(file), "--yes", "--as", "kitchen/tea.yaml", "--replace") == 0
    assert "Takes the kettle on." in folder.read("blueprints/automation/kitchen/tea.yaml")


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a//b", ".hidden/x", "a/../../b"])
def test_nothing_is_saved_outside_of_the_folder(folder: Folder, tmp_path: Path, path: str) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA)
    assert folder("import", str(file), "--yes", "--as", path) == 1
    assert "cannot be the path of a blueprint" in folder.output


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("<html>", 200, "is a web page, not a blueprint; give the address of the file itself"),
        ("x", 404, "answers with the status 404"),
        ("a: 1\n", 200, "is no blueprint that can be used; nothing was saved"),
        (b"\xff\xfe\x00", 200, "is not text"),
        (b"#" * 3_000_000, 200, "is too large for a blueprint"),
    ],
    ids=["a page", "not found", "no blueprint", "no text", "too large"],
)
def test_what_is_no_blueprint_is_not_saved(
    folder: Folder, site: Site, body: str | bytes, status: int, told: str
) -> None:
    assert folder("import", site.put("/x.yaml", body, status), "--yes", "--allow-local") == 1
    assert told in folder.output


def test_a_local_address_is_asked_only_when_meant(folder: Folder, site: Site) -> None:
    url = site.put("/tea.yaml", TEA)
    assert folder("import", url, "--yes") == 1
    assert "is not encrypted; use https, or --allow-local for an address of your own" in folder.output
    assert folder("import", url.replace("http:", "https:"), "--yes") == 1
    assert "127.0.0.1 is not a public address" in folder.output
    assert site.asked == []


def test_control_characters_do_not_reach_the_terminal(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text("# \x1b[2J\n" + TEA)
    folder("import", str(file))
    assert "\x1b" not in folder.output


# -- updating -------------------------------------------------------------------------------------


def test_update_tells_and_fetches_what_differs_at_the_source(folder: Folder, site: Site) -> None:
    url = site.put("/tea.yaml", TEA)
    folder("import", url, "--yes", "--allow-local", "--as", "home/tea")
    assert folder("update", "--check", "--allow-local") == 0
    assert "home/tea.yaml is as it is at its source" in folder.output
    site.put("/tea.yaml", TEA.replace("event: tea", "event: tea_time").replace('"2"', '"3"'))
    assert folder("update", "--check", "--allow-local") == 1
    assert f"home/tea.yaml differs from {url} (2 > 3)" in folder.output
    assert "tea_time" not in folder.read("blueprints/automation/home/tea.yaml")
    assert folder("update", "--yes", "--allow-local") == 0
    assert "+  - event: tea_time" in folder.output
    assert "tea_time" in folder.read("blueprints/automation/home/tea.yaml")
    assert f"source_url: {url}" in folder.read("blueprints/automation/home/tea.yaml")


def test_comments_and_layout_at_the_source_are_no_news(folder: Folder, site: Site) -> None:
    url = site.put("/tea.yaml", TEA)
    folder("import", url, "--yes", "--allow-local", "--as", "home/tea")
    site.put("/tea.yaml", TEA.replace("# Grandmother's way", "# by my aunt\n"))
    assert folder("update", "--check", "--allow-local") == 0


def test_update_tells_whom_it_would_break(folder: Folder, site: Site) -> None:
    url = site.put("/tea.yaml", TEA.replace("    at:\n", "    sugar:\n    at:\n"))
    folder.write("blueprints/automation/kitchen/tea.yaml", TEA.replace("  input:", f"  source_url: {url}\n  input:"))
    assert folder("update", "--allow-local") == 0
    assert (
        "! \"Early\" (configuration.yaml:4): the blueprint 'kitchen/tea.yaml' needs inputs that are not given: 'sugar'"
    ) in folder.output
    assert "sugar" not in folder.read("blueprints/automation/kitchen/tea.yaml")


# -- parting --------------------------------------------------------------------------------------


def test_one_that_is_used_is_not_deleted(folder: Folder) -> None:
    assert folder("delete", "kitchen/tea.yaml") == 1
    assert "'kitchen/tea.yaml' is used by \"Early\" (configuration.yaml:4); change these first" in folder.output
    folder.write("configuration.yaml", "automation: []\n")
    assert folder("delete", "kitchen/tea.yaml") == 0
    assert not (folder.path / "blueprints/automation/kitchen").exists()


def test_take_control_prints_the_automation_without_the_blueprint(folder: Folder) -> None:
    assert folder("take-control", "early") == 0
    assert folder.output == (
        "id: early\n"
        "alias: Early\n"
        "triggers:\n"
        "  - trigger: time\n"
        "    at: '07:00'\n"
        "actions:\n"
        "  - event: tea\n"
        "    event_data:\n"
        "      note: 'on'\n"
        "  - action: input_boolean.turn_on\n"
        "    target:\n"
        "      entity_id: input_boolean.kettle\n"
    )


@pytest.mark.parametrize("flow", [False, True], ids=["block", "one line"])
def test_take_control_writes_it_in_its_place_and_leaves_the_rest(folder: Folder, flow: bool) -> None:
    if flow:
        head, _, rest = USES.partition("  - alias: Early")
        tail = rest[rest.index("  # the second") :]
        line = "  - {alias: Early, id: early, use_blueprint: {path: kitchen/tea.yaml, input: {at: '07:00'}}}\n"
        folder.write("configuration.yaml", head + line + tail)
    before = load(folder.path, blueprints_of=lambda domain: ()).data["automation"]
    assert folder("take-control", "Early", "--write") == 0
    assert same([dict(sorted(item.items())) for item in before],
                [dict(sorted(item.items())) for item in load(folder.path).data["automation"]])  # fmt: skip
    text = folder.read("configuration.yaml")
    assert "use_blueprint" not in text
    assert "  # the first of the day\n  - id: early\n    alias: Early\n" in text
    assert "          entity_id: input_boolean.kettle\n  # the second\n  - alias: Late\n" in text


def test_take_control_does_not_write_secrets_out(folder: Folder) -> None:
    folder.write("secrets.yaml", "when: '05:55'\n")
    folder.write("configuration.yaml", USES.replace('"07:00"', "!secret when"))
    assert folder("take-control", "Early") == 0
    assert "at: !secret when" in folder.output
    assert "05:55" not in folder.output


def test_take_control_of_something_else_is_a_sentence(folder: Folder) -> None:
    assert folder("take-control", "Late") == 1
    assert "nothing called 'Late' uses a blueprint" in folder.output
