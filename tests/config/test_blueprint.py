"""Blueprints: an item that uses one is checked and compared as if somebody had written it out."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.check import Checked
from nanobot.config.substitute import FromBlueprint

from .conftest import FakeCatalogue, FakeIntegration, Folder

TEA = "blueprints/automation/home/tea.yaml"
WITH_AT = """
blueprint:
  name: Tea
  domain: automation
  input:
    at:
      name: When
      selector: {time: {}}
    what:
      default: green
    more:
      name: More
      collapsed: true
      input:
        strength: {default: 3, selector: {number: {min: 1, max: 5}}}
alias: from the blueprint
triggers:
  - at: !input at
note:
  what: !input what
  parts: [fixed, !input strength]
"""


def use(path: str = "home/tea.yaml", more: str = "", **inputs: str) -> str:
    given = "".join(f"        {name}: {value}\n" for name, value in inputs.items())
    return (
        f"automation:\n  - alias: Tea\n    use_blueprint:\n      path: {path}\n"
        + (f"      input:\n{given}" if given else "")
        + more
    )


def only(checked: Checked, key: str = "automation") -> Any:
    assert [str(problem) for problem in checked.problems] == []
    return checked.entries[key].config[0]


def test_blanks_are_filled_with_what_was_given_and_with_defaults(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    tea = only(folder.check(use(at="'07:30'", strength="5")))
    assert tea["alias"] == "Tea"
    assert tea["triggers"][0]["at"].isoformat() == "07:30:00"
    assert tea["note"] == {"what": "green", "parts": ["fixed", 5]}


def test_keys_beside_it_take_the_place_of_those_of_the_blueprint_in_either_spelling(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("triggers:", "trigger:")})
    tea = only(folder.check(use(more="    triggers: [{at: '09:00'}]\n    note: mine\n", at="'07:30'")))
    assert len(tea["triggers"]) == 1
    assert tea["triggers"][0]["at"].isoformat() == "09:00:00"
    assert tea["note"] == "mine"


def test_a_single_automation_need_not_be_a_list(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    main = "automation:\n  alias: Tea\n  use_blueprint:\n    path: home/tea.yaml\n    input: {at: '7:00'}\n"
    assert only(folder.check(main))["alias"] == "Tea"
    assert folder.told(main.replace("7:00", "27:00")) == [
        (
            "configuration.yaml:5: automation > use_blueprint > input > at: '27:00' is not a time of day; write it "
            "like '07:30'"
        )
    ]


def test_scripts_use_them_by_name(folder: Folder) -> None:
    folder.write({
        "blueprints/script/count.yaml": "blueprint: {name: C, domain: script, input: {n: }}\ncount: !input n\n"
    })  # fmt: skip
    checked = folder.check("script:\n  s:\n    use_blueprint: {path: count.yaml, input: {n: 4}}\n")
    assert checked.entries["script"].config == {"s": {"count": 4}}


def test_what_comes_with_nanobot_is_found_and_the_users_own_comes_first(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanobot.config.substitute.bundled", lambda name: folder.path / "shipped" / name)
    folder.write({f"shipped/{TEA}": WITH_AT.replace("green", "shipped")})
    assert only(folder.check(use(at="'07:30'")))["note"]["what"] == "shipped"
    folder.write({TEA: WITH_AT})
    assert only(folder.check(use(at="'07:30'")))["note"]["what"] == "green"
    (folder.path / TEA).unlink()
    assert only(folder.check(use(at="'07:30'")))["note"]["what"] == "shipped"


def test_an_item_knows_what_it_was_made_from(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    item = folder.load(use(at="'07:30'")).data["automation"][0]
    assert isinstance(item, FromBlueprint)
    assert item.path == "home/tea.yaml"
    assert item.written["use_blueprint"]["input"] == {"at": "07:30"}
    assert item.inputs == {"at": "07:30", "what": "green", "strength": 3}
    assert "use_blueprint" not in item
    assert "blueprint" not in item


# -- what can be wrong ------------------------------------------------------------------------------


def test_inputs_that_are_missing_are_named_in_one_sentence(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("default: green", "")})
    assert folder.told(use()) == [
        (
            "configuration.yaml:3: automation > \"Tea\" > use_blueprint: the blueprint 'home/tea.yaml' needs inputs "
            "that are not given: 'at', 'what'"
        )
    ]


def test_an_input_too_many_is_a_warning_with_the_one_that_was_meant(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    checked = folder.check(use(at="'07:30'", strenght="5"))
    (problem,) = checked.problems
    assert str(problem) == (
        'configuration.yaml:7: automation > "Tea" > use_blueprint > input > strenght: the blueprint '
        "'home/tea.yaml' has no input 'strenght'; did you mean 'strength'?"
    )
    assert problem.severity == "warning"
    assert checked.entries["automation"].config[0]["note"]["parts"] == ["fixed", 3]


def test_a_value_that_does_not_fit_the_selector_is_told_at_its_line(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    assert folder.told(use(at="'07:30'", strength="9")) == [
        (
            'configuration.yaml:7: automation > "Tea" > use_blueprint > input > strength: 9 is out of range; '
            "it has to be from 1 to 5"
        )
    ]


def test_a_value_that_only_the_automation_refuses_is_told_where_it_was_given(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("selector: {time: {}}", "")})
    assert folder.told(use(at="25:00")) == [
        (
            'configuration.yaml:6: automation > "Tea" > use_blueprint > input > at: 1500 is not a time of day; '
            "write it in quotes, like '10:30' (the blueprint 'home/tea.yaml' puts it in triggers > 0 > at)"
        )
    ]


def test_what_is_wrong_in_the_blueprint_is_told_there_with_the_one_who_uses_it(folder: Folder) -> None:
    folder.write({TEA: WITH_AT + "idd: tea\n"})
    assert folder.told(use(at="'07:30'")) == [
        (
            f'{TEA}:22: automation > "Tea" > idd: unknown option; did you mean '
            "'id'? (comes from the blueprint 'home/tea.yaml', used in configuration.yaml:2)"
        )
    ]


def test_a_wrong_default_is_told_where_the_default_stands(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("      name: When", "      default: never")})
    assert folder.told(use()) == [
        (
            f"{TEA}:7: automation > \"Tea\" > triggers > 0 > at: 'never' is not a time of day; write it like '07:30' "
            "(comes from the blueprint 'home/tea.yaml', used in configuration.yaml:2)"
        )
    ]


def test_what_lacks_as_a_whole_is_told_at_the_item(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("alias: from the blueprint\n", "")})
    (told,) = folder.told(use(at="'07:30'").replace("- alias: Tea", "- id: tea"))
    assert told == (
        "configuration.yaml:2: automation > \"tea\": the option 'alias' is missing (comes from the blueprint "
        "'home/tea.yaml', used in configuration.yaml:2)"
    )


@pytest.mark.parametrize(
    ("blueprint", "told"),
    [
        ("a: 1", ": this is no blueprint; it needs the key 'blueprint:' with a name and a domain"),
        ("[1]", ": this is no blueprint; it needs the key 'blueprint:' with a name and a domain"),
        ("blueprint:\n  domain: automation", ":1: blueprint: the option 'name' is missing"),
        ("blueprint:\n  name: T\n  domain: light",
         ":3: blueprint > domain: 'light' is not possible; write one of 'automation', 'script', 'template'"),
        ("blueprint:\n  name: T\n  domain: script",
         ":3: blueprint > domain: the blueprint is for 'script', but lies in the folder 'automation'"),
        ("blueprint:\n  name: T\n  domain: automation\n  sourceurl: x",
         ":4: blueprint > sourceurl: unknown option; did you mean 'source_url'?"),
        ("blueprint:\n  name: T\n  domain: automation\n  homeassistant:\n    min_version: 2099.1.0",
         (":5: blueprint > homeassistant > min_version: the blueprint asks for Home Assistant 2099.1.0 or later; "
         "this is 2025.4.4")),
        ("blueprint:\n  name: T\n  domain: automation\n  nanobot:\n    min_version: soon",
         (":5: blueprint > nanobot > min_version: 'soon' is not a version; write three numbers in quotes, "
         "like '2025.4.0'")),
        ("blueprint:\n  name: T\n  domain: automation\n  input:\n    a:\n    s:\n      input:\n        a:",
         (":8: blueprint > input > s > input > a: there are two inputs 'a'; give each a name of its own, also "
         "across sections")),
        ("blueprint:\n  name: T\n  domain: automation\n  input:\n    a:\n      defualt: 1",
         ":6: blueprint > input > a > defualt: unknown option; did you mean 'default'?"),
        ("blueprint:\n  name: T\n  domain: automation\n  input:\n    a:\n      selector:\n        number: {mode: knob}",
         (":7: blueprint > input > a > selector > number > mode: 'knob' is not possible; write one of 'box', "
         "'slider'")),
        ("blueprint:\n  name: T\n  domain: automation\n  input: {atime: }\nnote:\n  x: [!input attime]",
         (":6: note > x > 0: the blueprint has no input 'attime'; declare it under 'blueprint: input:'; did you mean "
         "'atime'?")),
        ("blueprint:\n  name: T\n  domain: automation\nnote:\n  x: !secret token",
         (":5: note > x: !secret does not work in a blueprint, which others may read; make it an input, and write "
         "'!secret token' where the blueprint is used")),
        ("blueprint: {name: T\n", ":1: the bracket that opens here is not closed before line 1"),
    ],
    ids=["no head", "a list", "no name", "no domain of ours", "another domain", "unknown key", "too new", "no version",
         "same name twice", "unknown key of an input", "wrong selector", "undeclared", "secret", "no YAML"],
)  # fmt: skip
def test_a_wrong_blueprint_says_so_once_and_names_those_who_need_it(folder: Folder, blueprint: str, told: str) -> None:
    folder.write({TEA: blueprint})
    first, second = sorted(folder.told(use()), reverse=True)
    reason = first.partition("cannot be used: ")[2]
    assert first == (
        "configuration.yaml:4: automation > \"Tea\" > use_blueprint > path: the blueprint 'home/tea.yaml' cannot be "
        f"used: {reason}"
    )
    assert second == reason
    assert second.replace(f"{TEA}:1: this is no", f"{TEA}: this is no") == TEA + told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("use_blueprint: home/tea.yaml", "use_blueprint: expected a mapping (key: value), found text"),
        ("use_blueprint: {input: {}}", "use_blueprint: the option 'path' is missing"),
        ("use_blueprint: {path: a.yaml, inputs: {}}",
         "use_blueprint > inputs: unknown option; did you mean 'input'?"),
        ("use_blueprint: {path: a.yaml, input: [1]}",
         "use_blueprint > input: expected a mapping (key: value), found a list"),
        ("use_blueprint: {path: ../../etc/passwd}",
         ("use_blueprint > path: '../../etc/passwd' is not the path of a blueprint; write it from the folder of "
         "blueprints on, like 'nanobot/remind.yaml'")),
        ("use_blueprint: {path: home/te.yaml}",
         ("use_blueprint > path: there is no blueprint 'home/te.yaml' in blueprints/automation, nor among those that "
         "come with nanobot; did you mean 'home/tea.yaml'?")),
        ("use_blueprint: {path: tea.yaml}",
         ("use_blueprint > path: there is no blueprint 'tea.yaml' in blueprints/automation, nor among those that come "
         "with nanobot; did you mean 'home/tea.yaml'?")),
    ],
)  # fmt: skip
def test_a_wrong_use_is_told_at_its_line_and_nothing_else_is_told(folder: Folder, written: str, told: str) -> None:
    folder.write({TEA: WITH_AT})
    assert folder.told(f"automation:\n  - alias: Tea\n    {written}\n") == [
        f'configuration.yaml:3: automation > "Tea" > {told}'
    ]


def test_one_wrong_user_leaves_the_others_alone(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    checked = folder.check(
        use() + "  - alias: Good\n    use_blueprint: {path: home/tea.yaml, input: {at: '8:00'}}\n  - alias: Plain\n"
    )
    assert [item["alias"] for item in checked.entries["automation"].config] == ["Good", "Plain"]
    assert list(checked.entries["automation"].left_out) == ["Tea"]


def test_an_unknown_selector_takes_anything_and_says_so(folder: Folder) -> None:
    folder.write({TEA: WITH_AT.replace("selector: {time: {}}", "selector: {tme: {}}")})
    checked = folder.check(use(at="'07:30'"))
    (problem,) = checked.problems
    assert str(problem) == (
        f"{TEA}:8: blueprint > input > at > selector > tme: the selector 'tme' is not known here; any value is "
        "taken; did you mean 'time'?"
    )
    assert problem.severity == "warning"
    assert checked.entries["automation"].config[0]["alias"] == "Tea"


def test_secrets_reach_a_blueprint_through_its_inputs(folder: Folder) -> None:
    folder.write({TEA: WITH_AT, "secrets.yaml": "kind: gunpowder\n"})
    checked = folder.check(use(at="'07:30'", what="!secret kind"))
    assert only(checked)["note"]["what"] == "gunpowder"
    assert "gunpowder" in checked.secrets


def test_a_secret_that_is_missing_is_told_once(folder: Folder) -> None:
    folder.write({TEA: WITH_AT, "secrets.yaml": "kind: gunpowder\n"})
    (told,) = folder.told(use(at="'07:30'", what="!secret kin"))
    assert "there is no secret 'kin'" in told


# -- edits ----------------------------------------------------------------------------------------


def three(folder: Folder) -> str:
    folder.write({TEA: WITH_AT, "blueprints/automation/home/other.yaml": WITH_AT})
    return (
        use(at="'07:30'")
        + "  - alias: Other\n    use_blueprint: {path: home/other.yaml, input: {at: '8:00'}}\n"
        + "  - alias: Plain\n"
    )


def test_a_changed_blueprint_changes_exactly_the_items_that_use_it(folder: Folder) -> None:
    first = folder.check(three(folder))
    folder.write({TEA: WITH_AT.replace("green", "black")})
    second = folder.check(None, first)
    before, after = (one.entries["automation"].items for one in (first, second))
    assert before is not None
    assert after is not None
    assert after.good["Tea"] is not before.good["Tea"]
    assert after.good["Other"] is before.good["Other"]
    assert after.good["Plain"] is before.good["Plain"]
    assert not second.entries["automation"].same_as(first.entries["automation"])


def test_a_comment_in_a_blueprint_changes_nothing(folder: Folder) -> None:
    first = folder.check(three(folder))
    folder.write({TEA: "# from my aunt\n" + WITH_AT})
    second = folder.check(None, first)
    assert second.entries["automation"].same_as(first.entries["automation"])


def test_loading_again_makes_nothing_again(folder: Folder) -> None:
    first = folder.load(three(folder))
    second = folder.load()
    assert second.data["automation"][0] is first.data["automation"][0]
    assert TEA in {path.relative_to(folder.path).as_posix() for path in second.files}


def test_a_blueprint_that_is_spoiled_or_gone_goes_on_as_it_was(folder: Folder) -> None:
    first = folder.check(three(folder))
    folder.write({TEA: WITH_AT + "note: [\n"})
    spoiled = folder.check(None, first)
    assert spoiled.entries["automation"].same_as(first.entries["automation"])
    assert [problem.file for problem in spoiled.problems] == [TEA]
    assert "its last good version stays in use" in str(spoiled.problems[0])
    (folder.path / TEA).unlink()
    gone = folder.check(None, spoiled)
    assert gone.entries["automation"].same_as(first.entries["automation"])
    assert [str(problem) for problem in gone.problems] == [
        f"{TEA}: the file does not exist; its last good version stays in use"
    ]


def test_errors_in_included_and_packaged_items_are_told_in_their_file(folder: Folder) -> None:
    folder.write({TEA: WITH_AT})
    told = folder.told(
        "nanobot: {packages: !include_dir_named packages}\nautomation: !include autos.yaml\n",
        autos="- alias: A\n  use_blueprint: {path: home/tea.yaml, input: {at: '07:30', strength: x}}\n",
        packages__p="automation p:\n- alias: B\n  use_blueprint:\n    path: home/tea.yaml\n    input: {at: '99:00'}\n",
    )
    assert [line.partition(": automation")[0] for line in told] == ["autos.yaml:2", "packages/p.yaml:5"]


# -- entities -------------------------------------------------------------------------------------

SENSOR = "blueprint: {name: S, domain: template, input: {value: }}\nsensor: {state: !input value}\n"


@pytest.fixture
def entities(folder: Folder, catalogue: FakeCatalogue) -> Folder:
    found = FakeIntegration("template", cv.Items(vol.Schema(dict), by="index"))
    found.manifest.merge, found.manifest.blueprints = "list", ("sensor", "switch")
    catalogue.integrations["template"] = found
    return folder


def test_an_entity_takes_its_name_from_beside_the_blueprint(entities: Folder) -> None:
    entities.write({"blueprints/template/s.yaml": SENSOR})
    written = "template:\n- use_blueprint: {path: s.yaml, input: {value: 4}}\n  name: Four\n  unique_id: four\n"
    checked = entities.check(written)
    assert only(checked, "template") == {"sensor": {"state": 4, "name": "Four", "unique_id": "four"}}


@pytest.mark.parametrize("body", ["other: 1", "sensor: {}\nswitch: {}", "sensor: [{}]"], ids=["none", "two", "a list"])
def test_the_blueprint_of_an_entity_stands_for_exactly_one(entities: Folder, body: str) -> None:
    entities.write({"blueprints/template/s.yaml": f"blueprint: {{name: S, domain: template}}\n{body}\n"})
    assert entities.told("template:\n- use_blueprint: {path: s.yaml}\n") == [
        (
            "configuration.yaml:2: template > 0 > use_blueprint > path: the blueprint 's.yaml' has to stand for "
            "exactly one entity, written as a mapping under one of 'sensor', 'switch'"
        )
    ]


def test_blueprints_that_are_put_into_one_another_without_end_are_refused(folder: Folder) -> None:
    many = ", ".join(["!input x"] * 2_000)
    folder.write({TEA: f"blueprint: {{name: T, domain: automation, input: {{x: }}}}\nnote: [{many}]\n"})
    big = ", ".join(["1"] * 2_000)
    assert folder.told(use(x=f"[{big}]"))[0].endswith("the included files add up to more than can be loaded")
