"""`nanobot import`: a dry run, then the older nanobot's configuration, sessions, memory, skills and jobs as ours."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson
import pytest
import yaml

from nanobot.cli import import_
from nanobot.cli.check import look
from nanobot.cli.session import opened
from nanobot.config.check import Checked
from nanobot.conversations.archive import said
from nanobot.errors import NanobotError
from tests.cli.conftest import Nanobot
from tests.lifecycle.older.home import CONFIG, KEY, TALK, TOKEN, Older, job
from tests.servers.running import running

SECRETS = (KEY, TOKEN, "first-mcp-key", "BSA-secret-1")
DAILY = {"kind": "cron", "expr": "0 7 * * *", "tz": "Europe/Berlin"}
Import = Callable[..., str]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(import_, "write_schema", lambda folder: None)  # starts a process; test_run looks at it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ours"


@pytest.fixture
def older(tmp_path: Path) -> Older:
    """With something of everything."""
    older = Older(tmp_path / "old")
    older.config(
        tools={
            "web": {"search": {"provider": "brave", "apiKey": "BSA-secret-1"}},
            "mcpServers": {"home": {"command": "sh", "args": ["-c", "cat"], "env": {"API_KEY": "first-mcp-key"}}},
        }
    )
    older.session("telegram:42")
    older.jobs(job("a1", DAILY, name="News"))
    older.write("workspace/AGENTS.md", "Be kind.\n")
    older.write("workspace/notes/boat.txt", "Otter\n")
    older.write("workspace/skills/tea/SKILL.md", "---\nname: tea\ndescription: Makes tea\n---\nBoil water.\n")
    older.write("workspace/memory/MEMORY.md", "# Long-term Memory\n\n- Anna likes tea\n")
    older.write("workspace/memory/2026-01-01.md", "- bought a boat\n")
    return older


@pytest.fixture
def take(folder: Path, older: Older, capsys: pytest.CaptureFixture[str]) -> Import:
    """Import, and give what was printed."""

    def take(*, apply: bool = True, as_json: bool = False, source: Path | None = None) -> str:
        assert import_.run(folder, source or older.path, apply=apply, as_json=as_json) == 0
        shown = capsys.readouterr()
        return shown.out + shown.err

    return take


def tree(folder: Path) -> dict[str, bytes]:
    """All files, but for what SQLite leaves of an open and close."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".db-wal", ".db-shm") and not path.name.startswith("hub.db-")
    }


def configured(folder: Path) -> Checked:
    """What `nanobot check` makes of it: nothing is wrong."""
    problems, checked = look(folder)
    assert [str(problem) for problem in problems] == []
    assert checked is not None
    return checked


def texts(folder: Path, session: str) -> list[str]:
    with opened(folder) as connection:
        return [line["text"] for line in said(connection, session) if line["type"] == "message"]


# -- a new folder -----------------------------------------------------------------------------------


def test_a_dry_run_shows_all_and_writes_nothing(take: Import, older: Older, folder: Path) -> None:
    before = tree(older.path)
    shown = take(apply=False)
    assert not folder.exists()
    assert tree(older.path) == before
    for part in ("+telegram:", "token: !secret telegram_token", "+ secrets.yaml: openrouter_api_key, telegram_token",
                 "+ workspace/AGENTS.md", "+ workspace/notes/boat.txt", "+ memory/MEMORY.md",
                 "Sessions: 1 (messages: 2). Schedules: 1. Skills: 1.", "nanobot skill trust NAME: tea",
                 "Nothing was written. Add --apply"):  # fmt: skip
        assert part in shown


def test_what_is_imported_passes_the_check_and_is_all_there(take: Import, folder: Path) -> None:
    take()
    checked = configured(folder)
    assert {"telegram", "agent", "web", "mcp", "schedule", "openai_compatible openrouter"} <= set(checked.entries)
    assert checked.entries["telegram"].config["token"].reveal() == TOKEN
    assert yaml.safe_load((folder / "secrets.yaml").read_text())["openrouter_api_key"] == KEY
    assert (folder / "workspace/notes/boat.txt").read_text() == "Otter\n"
    assert (folder / "workspace/skills/tea/SKILL.md").exists()  # in the workspace: followed once it is trusted
    assert not (folder / "skills").exists()
    assert (folder / "memory/MEMORY.md").read_text() == "# Long-term Memory\n\n- Anna likes tea\n"
    assert (folder / "memory/2026-01-01.md").exists()
    assert texts(folder, "telegram:42") == ["my boat is called Otter", "A fine name."]
    for name in ("configuration.yaml", "secrets.yaml", "memory/MEMORY.md", ".storage/hub.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_second_time_changes_nothing(take: Import, folder: Path) -> None:
    take()
    before = tree(folder)
    assert "There is nothing to import that is not here already." in take()
    assert tree(folder) == before


def test_what_came_since_is_added_the_second_time(take: Import, older: Older, folder: Path) -> None:
    take()
    older.session("telegram:42", *TALK, {"role": "user", "content": "and now?", "timestamp": "2026-01-02T10:00:00"})
    older.jobs(job("a1", DAILY, name="News"), job("b2", DAILY, name="Tea"))
    older.write("workspace/memory/MEMORY.md", "# Long-term Memory\n\n- Anna likes tea\n- Ben likes coffee\n")
    take()
    assert set(configured(folder).entries["schedule"].config) == {"news", "tea"}
    assert texts(folder, "telegram:42") == ["my boat is called Otter", "A fine name.", "and now?"]
    assert (folder / "memory/MEMORY.md").read_text() == "# Long-term Memory\n\n- Anna likes tea\n- Ben likes coffee\n"
    assert "There is nothing to import" in take()


def test_no_key_is_ever_shown(take: Import, folder: Path) -> None:
    shown = take(apply=False) + take(apply=False, as_json=True) + take() + take(as_json=True)
    whole = (folder / "configuration.yaml").read_text()
    for secret in SECRETS:
        assert secret not in shown
        assert secret not in whole


def test_json_says_the_same(take: Import, folder: Path) -> None:
    told = orjson.loads(take(apply=False, as_json=True))
    assert told["sessions"] == {"telegram:42": 2}
    assert (told["jobs"], told["skills"], told["applied"]) == (1, ["tea"], False)
    assert told["texts"] == ["secrets.yaml", "configuration.yaml"]
    assert not folder.exists()


def test_comments_are_in_the_language_of_the_terminal(
    take: Import, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert "Gespräche: 1 (Nachrichten: 2)." in take()
    assert "# Vom älteren nanobot übernommen." in (folder / "configuration.yaml").read_text()


def test_a_variable_stays_one_and_is_named_while_it_is_not_set(take: Import, older: Older, folder: Path) -> None:
    older.config(providers={"openrouter": {"apiKey": "${MY_ROUTER_KEY}"}})
    assert "the variable MY_ROUTER_KEY is not set here" in take()
    assert "api_key: !env_var MY_ROUTER_KEY" in (folder / "configuration.yaml").read_text()
    assert "openrouter_api_key" not in (folder / "secrets.yaml").read_text()


# -- a folder with a configuration of one's own -------------------------------------------------------

OWN = """\
# mine
nanobot:
  name: Boat   # do not touch
agent:
  name: Captain
schedule:
  news:
    at: "07:30"
    ask: Mine!
"""


def test_what_a_person_has_stays_as_it_is(take: Import, folder: Path) -> None:
    folder.mkdir()
    (folder / "configuration.yaml").write_text(OWN)
    (folder / "secrets.yaml").write_text("telegram_token: mine  # keep\n")
    (folder / "workspace").mkdir()
    (folder / "workspace/AGENTS.md").write_text("Mine.\n")
    shown = take()
    assert "configured already, and left as it is: agent" in shown
    assert "AGENTS.md is here already and says something else; yours stays" in shown
    assert (folder / "workspace/AGENTS.md").read_text() == "Mine.\n"
    after = (folder / "configuration.yaml").read_text()
    assert after.replace("  packages:\n    imported_older: !include imported/older.yaml\n", "") == OWN
    secrets = (folder / "secrets.yaml").read_text()
    assert secrets.startswith("telegram_token: mine  # keep\n")
    entries = configured(folder).entries
    assert entries["agent"].config["name"] == "Captain"
    assert entries["telegram"].config["token"].reveal() == TOKEN
    assert set(entries["schedule"].config) == {"news", "news_2"}
    assert {"memory", "skills"} <= set(entries)  # there is something for them now
    before = tree(folder)
    take()
    assert tree(folder) == before


def test_packages_of_a_folder_get_one_more_file(take: Import, folder: Path) -> None:
    (folder / "packages").mkdir(parents=True)
    own = "nanobot:\n  packages: !include_dir_named packages\ncounter:\n"
    (folder / "configuration.yaml").write_text(own)
    take()
    assert (folder / "configuration.yaml").read_text() == own
    assert (folder / "packages/older.yaml").exists()
    assert "telegram" in configured(folder).entries


def test_mcp_servers_join_those_that_are_there(take: Import, folder: Path) -> None:
    folder.mkdir()
    (folder / "configuration.yaml").write_text("mcp:\n  mine: {command: sh}\n")
    take()
    assert set(configured(folder).entries["mcp"].config) == {"mine", "home"}
    assert "There is nothing to import" in take()


def test_sessions_come_along_also_where_the_configuration_cannot_be_changed(
    take: Import, older: Older, folder: Path
) -> None:
    (older.path / "config.json").unlink()
    (older.workspace / "cron/jobs.json").unlink()
    folder.mkdir()
    (folder / "configuration.yaml").write_text("nanobot: !include core.yaml\nmemory:\nskills:\n")
    (folder / "core.yaml").write_text("name: Boat\n")
    take()
    assert texts(folder, "telegram:42") == ["my boat is called Otter", "A fine name."]


def test_models_of_ones_own_keep_their_names(take: Import, older: Older, folder: Path) -> None:
    folder.mkdir()
    (folder / "configuration.yaml").write_text("litellm:\n  models:\n    main: openai/gpt-5\n")
    take()
    entries = configured(folder).entries
    assert set(entries["openai_compatible openrouter"].config["models"]) == {"main 2"}
    assert entries["agent"].config["model"] == "main 2"


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ("nanobot: !include core.yaml\n", "Put 'imported_older: !include imported/older.yaml'"),
        ("nanobot: [\n", "configuration.yaml cannot be used"),
    ],
)
def test_a_configuration_that_cannot_be_added_to_is_left_alone(
    folder: Path, older: Older, own: str, sentence: str
) -> None:
    folder.mkdir()
    (folder / "configuration.yaml").write_text(own)
    (folder / "core.yaml").write_text("name: Boat\n")
    before = tree(folder)
    with pytest.raises(NanobotError, match="Nothing was written") as refused:
        import_.run(folder, older.path, apply=True, as_json=False)
    assert sentence in str(refused.value)
    assert tree(folder) == before


def test_the_folder_may_be_the_same_one(older: Older, take: Import, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(older.path)
    assert import_.run(older.path, older.path, apply=True, as_json=False) == 0
    configured(older.path)
    after = tree(older.path)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {
        "configuration.yaml", "secrets.yaml", "memory/MEMORY.md", "memory/2026-01-01.md", ".storage/hub.db",
        ".storage/hub.lock",
    }  # fmt: skip
    assert "Skills: 1" in capsys.readouterr().out


def test_transcripts_of_our_own_are_none_of_the_older_one(take: Import, older: Older, folder: Path) -> None:
    take()
    with opened(folder) as connection:
        lines = list(said(connection, "telegram:42"))
    older.write("sessions/telegram=7.jsonl", "\n".join(map(json.dumps, lines)))
    assert "There is nothing to import" in take()


# -- what is damaged, old or hostile ----------------------------------------------------------------


def test_what_would_not_pass_the_check_is_left_out_alone(take: Import, older: Older, folder: Path) -> None:
    older.config(CONFIG | {"agents": {"defaults": {"model": "qwen/qwen3-32b", "timezone": "Mars/Base"}}})
    wrong = [job(f"b{number}", {"kind": "cron", "expr": "99 7 * *"}, name=f"Bad {number}") for number in range(50)]
    older.jobs(*wrong, job("good", DAILY, name="Good"))
    shown = take()
    assert "schedule > bad_49 was left out: '99 7 * *' is no cron expression" in shown
    assert "nanobot > time_zone was left out" in shown
    assert "Schedules: 1." in shown
    entries = configured(folder).entries
    assert set(entries["schedule"].config) == {"good"}


def test_a_damaged_configuration_is_named_and_the_rest_comes_along(take: Import, older: Older, folder: Path) -> None:
    older.config('{\n  "agents": {},\n  oops\n}')
    shown = take()
    assert "config.json:3: is no JSON" in shown
    assert set(configured(folder).entries["schedule"].config) == {"news"}
    assert texts(folder, "telegram:42")


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("workspace/sessions/telegram_42.jsonl", "telegram:42"),
        ("workspace/sessions/dGVsZWdyYW06NDI.jsonl", "telegram:42"),
        ("sessions/telegram_42.jsonl", "telegram:42"),
        ("sessions/cli_direct.jsonl", "cli:direct"),
    ],
    ids=["0.2", "0.3.0", "very old", "terminal"],
)
def test_sessions_of_older_releases_are_found(tmp_path: Path, folder: Path, where: str, key: str) -> None:
    old = Older(tmp_path / "ancient")
    path = old.write(where, "\n".join(json.dumps(row) for row in TALK))
    assert path.exists()
    assert import_.run(folder, old.path, apply=True, as_json=False) == 0
    session = {"cli:direct": "console:terminal"}.get(key, key)
    assert texts(folder, session) == ["my boat is called Otter", "A fine name."]
    configured(folder)


def test_history_becomes_paragraphs_and_templates_stay_away(take: Import, older: Older, folder: Path) -> None:
    older.write("workspace/memory/MEMORY.md", "# Long-term Memory\n\n## Preferences\n\n(What the user likes)\n\n---\n")
    older.write("workspace/memory/HISTORY.md", "[2025-01-01 09:00] Began.\n\n[2025-01-02 09:00] Went on.\n")
    rows = [{"cursor": 1, "timestamp": "2026-01-01 10:00", "content": "Bought a boat.\n\nA small one."}]
    older.write("workspace/memory/history.jsonl", "\n".join(map(json.dumps, rows)) + '\n{"cursor": 2')
    assert "history.jsonl:2: the last line was not written to its end" in take()
    assert not (folder / "memory/MEMORY.md").exists()
    assert (folder / "memory/HISTORY.md").read_text() == (
        "[2025-01-01 09:00] Began.\n\n[2025-01-02 09:00] Went on.\n\n[2026-01-01 10:00] Bought a boat.\nA small one.\n"
    )


def test_nothing_is_followed_out_of_the_folder(take: Import, older: Older, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/key.txt").write_text("very private")
    (older.workspace / "link.txt").symlink_to(tmp_path / "private/key.txt")
    (older.workspace / "skills/evil").symlink_to(tmp_path / "private")
    (older.workspace / "memory/HISTORY.md").symlink_to(tmp_path / "private/key.txt")
    os.link(tmp_path / "private/key.txt", older.workspace / "hard.txt")
    media = ["/x/media/../../private/key.txt", "../private/key.txt"]
    row = {"role": "user", "content": "look", "timestamp": "2026-01-01T10:00:00", "media": media}
    older.session("telegram:1", row, where="sessions/x.jsonl")
    shown = take()
    assert "link.txt is a link" in shown
    assert "hard.txt was left out" in shown
    assert all(b"very private" not in data for data in tree(folder).values())
    assert texts(folder, "telegram:1") == ["look\n[key.txt]\n[key.txt]"]


def test_words_of_the_old_files_stay_words(take: Import, older: Older, folder: Path) -> None:
    name = 'x"\n  evil: !secret telegram_token # {{ 1 }}\nshell:\n  sandbox: none'
    older.config(
        CONFIG | {"agents": {"defaults": {"model": "qwen", "botName": name}}},
        channels={"evil\nshell: {sandbox: none}": {"enabled": True}},
    )
    payload = {"message": "!secret telegram_token\n- &a [*a]\n{{ states('x') }}", "sessionKey": "telegram:42"}
    older.jobs(job("a1", DAILY, name=name, payload=payload))
    take()
    checked = configured(folder)
    assert "none" not in str(checked.entries.get("shell") and checked.entries["shell"].config["sandbox"])
    (item,) = checked.loaded.data["schedule"].values()
    assert item["alias"].startswith('x" evil: !secret telegram_token')
    assert item["ask"]["prompt"] == "!secret telegram_token\n- &a [*a]\n{{ '{' }}{ states('x') }}"


def test_a_picture_comes_along_with_its_message(take: Import, older: Older, folder: Path) -> None:
    older.write("media/telegram/boat.png", b"\x89PNG\r\n\x1a\nboat")
    row = {"role": "user", "content": "my boat", "timestamp": "2026-01-01T10:00:00"}
    older.session("telegram:42", row | {"media": ["/root/.nanobot/media/telegram/boat.png"]})
    take()
    with opened(folder) as connection:
        _, line = said(connection, "telegram:42")
    (file,) = line["attachments"]
    assert (file["name"], file["media_type"], file["size_bytes"]) == ("boat.png", "image/png", 12)
    assert (folder / file["path"]).read_bytes().endswith(b"boat")


def test_a_workspace_elsewhere_is_not_copied_as_a_whole(
    take: Import, older: Older, folder: Path, tmp_path: Path
) -> None:
    elsewhere = Older(tmp_path / "projects", ".")
    elsewhere.write("SOUL.md", "Calm.\n")
    elsewhere.write("huge/project.txt", "x")
    older.config({"agents": {"defaults": {"workspace": str(elsewhere.path), "model": "qwen"}}})
    assert f"the workspace {elsewhere.path} lies elsewhere" in take()
    assert (folder / "workspace/SOUL.md").exists()
    assert not (folder / "workspace/huge").exists()


def test_the_source_may_be_a_file_or_a_workspace_alone(take: Import, older: Older, folder: Path) -> None:
    (older.path / "config.json").rename(older.path / "mine.json")
    assert "+telegram:" in take(apply=False, source=older.path / "mine.json")
    shown = take(apply=False, source=older.workspace)
    assert "Sessions: 0 (messages: 0). Schedules: 1. Skills: 1." in shown
    assert "AGENTS.md may name tools" in shown


def test_a_folder_without_anything_of_it_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NanobotError, match="there is nothing of the older nanobot in") as refused:
        import_.run(folder, tmp_path / "empty", apply=True, as_json=False)
    assert refused.value.exit_code == 2  # type: ignore[attr-defined]
    assert not folder.exists()


def test_a_session_that_went_on_here_is_left_as_it_is(take: Import, older: Older, folder: Path) -> None:
    take()
    with opened(folder) as connection:
        connection.execute("UPDATE inbox SET received = received + 1e8")
    older.session("telegram:42", *TALK, {"role": "user", "content": "and now?", "timestamp": "2026-01-02T10:00:00"})
    assert "the session telegram:42 is left as it is" in take()
    assert len(texts(folder, "telegram:42")) == 2


# -- all of it, for real ----------------------------------------------------------------------------


def test_a_hub_goes_on_with_an_imported_session(nanobot: Nanobot, tmp_path: Path) -> None:
    with running("model") as model:
        control = model.info["stub"]

        def tell(path: str, data: Any) -> Any:
            request = Request(f"{control}/{path}", json.dumps(data).encode(), {"Content-Type": "application/json"})
            with urlopen(request) as answer:
                return json.load(answer)

        tell("config", {"reply": "Otter, as you said.", "keep_requests": 10})
        old = Older(tmp_path / "old")
        old.config(
            agents={"defaults": {"model": "boaty", "provider": "local"}},
            providers={"local": {"apiBase": model.info["base_url"], "apiKey": KEY}},
            channels={},
            tools={"exec": {"enable": False}, "web": {"enable": False}},
        )
        old.session("cli:boat")
        done = nanobot("import", str(old.path), "--apply")
        assert (done.returncode, done.stderr) == (0, "")
        assert KEY not in done.stdout
        config = nanobot.folder / "configuration.yaml"
        config.write_text(config.read_text() + "http:\n  port: 0\n")
        nanobot.start()
        answer = nanobot("chat", "-m", "what is my boat called?", "--chat", "boat")
        assert answer.stdout == "Otter, as you said.\n"
        with urlopen(f"{control}/raw") as answered:
            said = [message for one in json.load(answered) for message in one["body"]["messages"]]
        assert said[-3:] == [
            {"role": "user", "content": "my boat is called Otter"},
            {"role": "assistant", "content": "A fine name."},
            {"role": "user", "content": "what is my boat called?"},
        ]
        nanobot.stop()


def test_the_database_of_a_running_hub_may_be_added_to(folder: Path, take: Import) -> None:
    take(apply=False)
    folder.mkdir()
    (folder / "configuration.yaml").write_text("counter:\n")
    from nanobot.cli.session import prepare

    prepare(folder)
    held = sqlite3.connect(folder / ".storage/hub.db", isolation_level=None)  # as a hub holds it
    held.execute("SELECT 1 FROM inbox").fetchall()
    take()
    assert held.execute("SELECT COUNT(*) FROM inbox WHERE done IS NOT NULL").fetchone() == (1,)
    held.close()
