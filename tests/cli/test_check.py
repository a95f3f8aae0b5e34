"""``check``, ``plan`` and ``schema`` as a person or an editor runs them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nanobot.cli import check, plan, schema
from nanobot.lifecycle.last_good import LastGood
from nanobot.paths import bundled

BROKEN = """\
http:
  prt: 1
timer:
  tea: {duration: "0:05"}
  coffee: {duration: soon}
input_boolean: !include things.yaml
telegrm:
  bot_tokn: 123456:abcdef
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def write(folder: Path, text: str, **files: str) -> None:
    (folder / "configuration.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")


def test_a_good_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "timer:\n  tea:\ninput_boolean:\n")
    assert check.run(tmp_path) == 0
    assert capsys.readouterr().out == "No problems. Configured: 2.\n"


def test_problems_are_shown_with_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, BROKEN, things="lamp:\n  nam: Lamp\n")
    assert check.run(tmp_path) == 1
    assert capsys.readouterr().out == (
        "configuration.yaml\n"
        "    2  http > prt: unknown option; did you mean 'port'?\n"
        "       │   prt: 1\n"
        "    5  timer > coffee > duration: 'soon' is not a duration; write seconds, 'HH:MM:SS', or for example "
        "'minutes: 5'\n"
        "       │   coffee: {duration: soon}\n"
        "    7  telegrm: no such integration; did you mean 'telegram'?\n"
        "       │ telegrm:\n"
        "\n"
        "things.yaml\n"
        "    2  input_boolean > lamp > nam: unknown option; did you mean 'name'?\n"
        "       │   nam: Lamp\n"
        "\n"
        "Problems: 4.\n"
    )


def test_a_wrong_template_of_the_prompt_is_a_warning_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "timer:\n  tea:\n")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "identity.j2").write_text("You are {{ name }}.\n{% if owner %}Hello\n")
    (prompts / "situation.j2").write_text("{{ text }} It is {{ now() }}.")
    (prompts / "memory.j2").write_bytes(b"\xff\xfe\xfa")
    (prompts / "skills.j2").write_text("x" * 100_001)
    (prompts / "notes.txt").write_text("{{")
    assert check.run(tmp_path) == 0
    shown = capsys.readouterr().out
    wrong = "is wrong, and the text that comes with nanobot is used instead:"
    assert "prompts/identity.j2\n    2  the template of the prompt's part “identity” " + wrong in shown
    assert "│ {% if owner %}Hello" in shown
    assert f"part “memory” {wrong} it cannot be read" in shown
    assert f"part “skills” {wrong} it has 100001 bytes, and 100000 are the most" in shown
    assert "situation" not in shown
    assert "Warnings: 3." in shown
    assert check.run(tmp_path, strict=True) == 1


def test_the_line_shown_holds_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "http:\n  api_tokn: hunter2\n  port: !secret pasword\n", secrets="password: hunter3\n")
    assert check.run(tmp_path) == 1
    shown = capsys.readouterr().out
    assert "hunter" not in shown
    assert "│   api_tokn: ••••" in shown
    assert "│   port: !secret pasword" in shown


def test_json_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, BROKEN, things="lamp:\n")
    assert check.run(tmp_path, as_json=True) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], report["readable"]) == (False, True)
    assert [(p["file"], p["line"], p["key"], p["nearest"]) for p in report["problems"]] == [
        ("configuration.yaml", 2, "unknown_option", "port"),
        ("configuration.yaml", 5, "not_a_duration", None),
        ("configuration.yaml", 7, "unknown_integration", "telegram"),
    ]
    assert {entry["id"]: (entry["ok"], entry["left_out"]) for entry in report["entries"]} == {
        "http": (False, []),
        "timer": (True, ["coffee"]),
        "input_boolean": (True, []),
        "telegrm": (False, []),
    }


def test_a_pipe_in_place_of_the_file_holds_nobody_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "configuration.yaml")
    assert check.run(tmp_path) == 1
    assert capsys.readouterr().out.splitlines()[:2] == ["configuration.yaml", "       this is not a file"]


@pytest.mark.parametrize(("text", "code"), [(None, 2), ("a: [", 1), ("- a", 1)], ids=["missing", "broken", "list"])
def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, code: int) -> None:
    if text is not None:
        write(tmp_path, text)
    assert check.run(tmp_path) == code
    assert "configuration.yaml" in capsys.readouterr().out
    assert check.run(tmp_path, as_json=True) == code
    assert json.loads(capsys.readouterr().out)["readable"] is False
    assert plan.run(tmp_path) == code


def test_the_language_of_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    write(tmp_path, "http:\n  prt: 1\n")
    check.run(tmp_path)
    assert "http > prt: unbekannte Option; ist 'port' gemeint?" in capsys.readouterr().out


def test_a_plan_says_what_a_save_would_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "timer:\n  tea:\n  egg:\ncounter:\n  visits:\ninput_text:\n  note:\n")
    LastGood(tmp_path).save([tmp_path / "configuration.yaml"])
    assert plan.run(tmp_path) == 0
    assert capsys.readouterr().out == "Nothing would change.\n"
    write(tmp_path, "timer:\n  tea: {name: Tea}\n  rice:\ncounter:\n  visits:\ninput_button:\n  bell:\n")
    assert plan.run(tmp_path) == 0
    assert capsys.readouterr().out == (
        "+ input_button: is set up\n~ timer: is changed in place (+rice, ~tea, -egg)\n- input_text: is removed\n"
    )


def test_a_plan_tells_of_the_core_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "timer:\n")
    LastGood(tmp_path).save([tmp_path / "configuration.yaml"])
    write(tmp_path, "nanobot:\n  name: Villa\ntimer:\n")
    assert plan.run(tmp_path) == 0
    assert capsys.readouterr().out == "~ nanobot: is changed in place\n"


def test_a_plan_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "counter:\n  visits:\ntimer: 5\n")
    assert plan.run(tmp_path, as_json=True) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["compared_with"] is None
    assert report["steps"] == [{"entry": "counter", "what": "add", "items": [], "rights": []}]
    assert [problem["where"] for problem in report["problems"]] == ["timer"]


CUSTOM = '''\
"""An integration with rights."""

import voluptuous as vol

CONFIG_SCHEMA = vol.Schema({vol.Optional("folders", default=list): [str]})


def rights(config):
    return {f"read files in {folder}" for folder in config["folders"]}


async def setup(hub, entry):
    pass
'''


def test_a_plan_names_rights_that_are_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "integrations" / "reader_of_test"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(CUSTOM)
    (home / "manifest.json").write_text('{"domain": "reader_of_test", "name": "Reader", "version": "1"}')
    write(tmp_path, "reader_of_test:\n  folders: [docs]\n")
    LastGood(tmp_path).save([tmp_path / "configuration.yaml"])
    write(tmp_path, "reader_of_test:\n  folders: [docs, /etc]\nreader_of_test two: {folders: [x]}\n")
    assert plan.run(tmp_path) == 0
    assert capsys.readouterr().out == (
        "+ reader_of_test two: is set up\n"
        "    ! new right: read files in x\n"
        "~ reader_of_test: is restarted\n"
        "    ! new right: read files in /etc\n"
    )


def test_the_schema_knows_the_core_and_every_integration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.run(tmp_path) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"nanobot", "homeassistant", "timer", "http"} <= set(found["properties"])
    assert found["properties"]["timer"] == {"$ref": "#/definitions/integration.timer"}
    assert found["patternProperties"]["^timer .+$"] == {"$ref": "#/definitions/integration.timer"}
    assert found["additionalProperties"] is False
    core = found["definitions"]["nanobot"]["anyOf"][0]["properties"]
    assert core["requirements"] == {"enum": ["auto", "ask", "never"]}
    assert set(found["definitions"]) > {"include", "integration.timer"}


class Editor(yaml.SafeLoader):
    """Sees the argument of a tag such as ``!secret`` in its place."""


Editor.add_multi_constructor("!", lambda loader, tag, node: node.value)


@pytest.mark.parametrize("example", sorted(path.name for path in bundled("config-examples").iterdir()))
def test_the_schema_takes_the_examples(example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema.run(tmp_path)
    found = json.loads(capsys.readouterr().out)
    text = (bundled("config-examples") / example / "configuration.yaml").read_text(encoding="utf-8")
    assert fits(yaml.load(text, Editor), found, found)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("timer: {tea: {duration: '0:05'}}", True),
        ("timer kitchen: {tea: }", True),
        ("timer: timers.yaml", True),  # an editor sees the argument of !include
        ("timer: {tea: tea.yaml}", True),
        ("nanobot: {name: Home, packages: {a: a.yaml, b: {timer: {}}}}", True),
        ("nanobot: {media: {max_size: 20 MB, max_total: 1000000, keep_days: 7, types: [image/*]}}", True),
        ("nanobot: {media: {max_sise: 20 MB}}", False),
        ("nanobot: {media: {keep_days: often}}", False),
        ("nanobot: {langage: de}", False),
        ("timer: {tea: {durtion: 5}}", False),
        ("timer: 5", False),
        ("tmer:", False),
    ],
)
def test_the_schema_tells_good_from_bad(
    text: str, good: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.run(tmp_path)
    found = json.loads(capsys.readouterr().out)
    assert fits(yaml.safe_load(text), found, found) is good


TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def fits(value: Any, wanted: Any, root: Any) -> bool:
    """Whether a value is what a JSON Schema asks for, in the words that ours use."""
    if isinstance(wanted, bool):
        return wanted
    if "$ref" in wanted:
        path = wanted["$ref"].removeprefix("#").strip("/")
        target = root
        for step in path.split("/") if path else ():
            target = target[step]
        return fits(value, target, root)
    kinds = wanted.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(isinstance(value, TYPES[k]) and (k == "boolean") == isinstance(value, bool) for k in kinds):
        return False
    if "enum" in wanted and value not in wanted["enum"]:
        return False
    if "anyOf" in wanted and not any(fits(value, option, root) for option in wanted["anyOf"]):
        return False
    if "pattern" in wanted and isinstance(value, str) and not re.search(wanted["pattern"], value):
        return False
    if isinstance(value, list) and not all(fits(item, wanted.get("items", True), root) for item in value):
        return False
    return not isinstance(value, dict) or _object_fits(value, wanted, root)


def _object_fits(value: dict[str, Any], wanted: Any, root: Any) -> bool:
    if not set(wanted.get("required", ())) <= set(value):
        return False
    for key, item in value.items():
        inner = [wanted["properties"][key]] if key in wanted.get("properties", {}) else []
        inner += [w for pattern, w in wanted.get("patternProperties", {}).items() if re.search(pattern, key)]
        if not all(fits(item, one, root) for one in inner or [wanted.get("additionalProperties", True)]):
            return False
    return True
