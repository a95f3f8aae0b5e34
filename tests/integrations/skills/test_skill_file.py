"""What the head of a SKILL.md says, in every spelling that is around."""

from __future__ import annotations

import json

import pytest

from integrations.skills.skill_file import parse
from nanobot.paths import bundled

HEAD = "---\nname: tea\ndescription: Make tea.\n{more}---\n\n# Tea\n"


def head(more: str = "") -> str:
    return HEAD.format(more=more)


def test_a_plain_skill() -> None:
    skill = parse("tea", head())
    assert (skill.name, skill.description, skill.body, skill.always, skill.wrong) == (
        "tea",
        "Make tea.",
        "# Tea",
        False,
        None,
    )
    assert skill.allowed_tools is None
    assert skill.missing() is None


@pytest.mark.parametrize(
    "more",
    [
        "requires:\n  bins: [kettle-3000]\n  env: [TEA_KEY]\nalways: true\n",
        "requires: {bins: kettle-3000, env: 'TEA_KEY'}\nalways: 'yes'\n",
        "metadata: "
        + json.dumps(
            json.dumps({"nanobot": {"always": True, "requires": {"bins": ["kettle-3000"], "env": ["TEA_KEY"]}}})
        )
        + "\n",
        "metadata:\n  openclaw:\n    emoji: x\n    always: true\n    requires: {bins: [kettle-3000], env: [TEA_KEY]}\n",
        'metadata: {"clawdbot": {"always": true, "requires": {"bins": ["kettle-3000"], "env": ["TEA_KEY"]}}}\n',
    ],
    ids=["ours", "as text", "older nanobot, JSON in a text", "OpenClaw", "ClawdBot"],
)
def test_what_it_needs_in_every_spelling(more: str) -> None:
    skill = parse("tea", head(more))
    assert (skill.bins, skill.env, skill.always) == (("kettle-3000",), ("TEA_KEY",), True)
    assert skill.missing() == ("needs_bins", "kettle-3000")


@pytest.mark.parametrize(
    ("written", "tools"),
    [
        ("allowed-tools: [web_fetch, read_*]", ("web_fetch", "read_*")),
        ("allowed_tools: web_fetch, states", ("web_fetch", "states")),
        ("allowed-tools: Bash(git add:*) Bash(git status:*) Read WebFetch", ("shell", "read_file", "web_fetch")),
        ("allowed-tools: []", ()),
    ],
)
def test_the_tools_in_every_spelling(written: str, tools: tuple[str, ...]) -> None:
    assert parse("tea", head(written + "\n")).allowed_tools == tools


@pytest.mark.parametrize(
    ("folder", "text", "wrong"),
    [
        ("tea", "# Tea\n", "does not begin with a head"),
        ("tea", "---\nname: tea\n---\n", "lacks a description"),
        ("tea", "---\nname: coffee\ndescription: x\n---\n", "its name is 'coffee', but its folder is called 'tea'"),
        ("Tea Time", "---\ndescription: x\n---\n", "small letters, digits and hyphens"),
        ("tea", "---\nname: tea\ndescription: [\n---\n", "SKILL.md:"),
        ("tea", "---\n- one\n---\n", "has no keys"),
        ("tea", "---\nx: " + "y" * 20_000 + "\n---\n", "more than 16000 characters"),
        ("tea", "---\ndescription: !!python/object/apply:os.system [id]\n---\n", "no valid YAML"),
    ],
    ids=["no head", "no description", "another name", "a bad folder", "broken YAML", "a list", "too long", "code"],
)
def test_what_is_wrong_is_a_sentence(folder: str, text: str, wrong: str) -> None:
    assert wrong in str(parse(folder, text).wrong)


@pytest.mark.timeout(10)
def test_a_few_bytes_that_stand_for_billions_are_harmless() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    head = f"l0: &l0 [x]\n{levels}name: tea\n"
    for last in ("description: *l11\n", "description: x\nrequires: {bins: *l11}\n", "allowed-tools: *l11\n"):
        assert parse("tea", f"---\n{head}{last}---\n").bins == ()


def test_those_that_come_with_nanobot_are_right_and_short() -> None:
    folders = sorted(path for path in bundled("skills").iterdir() if path.is_dir())
    assert {"summarise", "weather", "schedule", "github", "skill-writer", "memory"} <= {path.name for path in folders}
    for folder in folders:
        text = (folder / "SKILL.md").read_text(encoding="utf-8")
        skill = parse(folder.name, text)
        assert skill.wrong is None, folder.name
        assert len(skill.body) < 3000, folder.name
