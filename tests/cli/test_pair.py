"""`nanobot pair`, beside a real hub with a channel on which anybody may knock."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Nanobot

CONFIG = "assist:\nconsole:\nknock:\n  port: {port}\n"
MANIFEST = {"domain": "knock", "name": "Knock", "documentation": "", "requirements": [], "dependencies": []}
CHANNEL = '''
import asyncio
import json

import voluptuous as vol

from nanobot.contracts.channel import Channel, Incoming, Receipt
from nanobot.errors import Refused

CONFIG_SCHEMA = vol.Schema({"port": int})


class Knock(Channel):
    """JSON lines over TCP: whoever connects is the sender that the first line names."""

    pairing = True

    def __init__(self, port):
        super().__init__("knock")
        self.port = port
        self.people = {}

    async def run(self, receive):
        async def person(reader, writer):
            while line := await reader.readline():
                said = json.loads(line)
                self.people[said["sender"]] = writer
                try:
                    await receive(Incoming(chat=said["sender"], **said))
                except Refused:
                    pass

        async with await asyncio.start_server(person, "127.0.0.1", self.port) as server:
            await server.serve_forever()

    async def send(self, message):
        self.people[message.chat].write(json.dumps(message.text).encode() + b"\\n")
        return Receipt()


async def setup(hub, entry):
    entry.add(Knock(entry.config["port"]))
'''


class Person:
    """Somebody on the other side of the channel."""

    def __init__(self, port: int, sender: str, **more: Any) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._said = {"sender": sender, **more}

    def says(self, text: str) -> None:
        self._file.write(json.dumps({**self._said, "text": text}) + "\n")
        self._file.flush()

    def hears(self) -> str:
        return str(json.loads(self._file.readline()))

    def code(self) -> str:
        """Write as an unknown sender, and read the code."""
        self.says("hello?")
        found = re.search(r"`nanobot pair (\S+)`", heard := self.hears())
        assert found is not None, heard
        return found[1]

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class Street:
    """A hub that runs, and people who come to it."""

    def __init__(self, nanobot: Nanobot) -> None:
        self.nanobot = nanobot
        self.people: list[Person] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folder = nanobot.folder / "integrations" / "knock"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(MANIFEST))
        (folder / "__init__.py").write_text(CHANNEL)
        nanobot.write(CONFIG.format(port=self.port))
        nanobot.start()

    def person(self, sender: str, **more: Any) -> Person:
        self.people.append(Person(self.port, sender, **more))
        return self.people[-1]


@pytest.fixture
def street(nanobot: Nanobot) -> Iterator[Street]:
    street = Street(nanobot)
    yield street
    for person in street.people:
        person.close()


def test_a_stranger_gets_a_code_and_is_let_in_with_it(street: Street, nanobot: Nanobot) -> None:
    ann = street.person("42", sender_name="Ann")
    code = ann.code()
    waiting = nanobot("pair").stdout
    assert "Waiting, with a code" in waiting
    assert re.search(r"knock +Ann +42 +\d+ s", waiting)
    assert code not in waiting
    done = nanobot("pair", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Ann (42) may write on knock now.\n", "")
    assert ann.hears() == "Welcome, you may write to me now!"
    ann.says("what time is it?")
    assert "know" not in ann.hears()
    listed = nanobot("pair", "--list").stdout
    assert "Let in" in listed
    assert "Waiting" not in listed
    assert stat_of(nanobot.folder / ".storage" / "pairing.json") == "600"


def test_the_code_may_be_typed_with_blanks_and_in_small_letters(street: Street, nanobot: Nanobot) -> None:
    code = street.person("42").code().lower()
    assert nanobot("pair", *code.split("-")).stdout == "42 may write on knock now.\n"


def test_it_outlives_a_restart_of_the_hub(street: Street, nanobot: Nanobot) -> None:
    code = street.person("42").code()
    nanobot.kill()
    nanobot.start()
    assert nanobot("pair", "--owner", code).stdout == "42 may write on knock now, as an owner.\n"
    nanobot.kill()
    nanobot.start()
    ann = street.person("42")
    ann.says("/status")
    while "Messages: " not in (heard := ann.hears()):  # owners alone are told so much
        assert "know you yet" in heard or "Welcome" in heard  # what the kills left unsent, or unnoted


def test_programs_get_json(street: Street, nanobot: Nanobot) -> None:
    assert json.loads(nanobot("pair", "--json").stdout) == {"waiting": [], "members": []}
    code = street.person("42", sender_name="Ann").code()
    [waiting] = json.loads(nanobot("pair", "--list", "--json").stdout)["waiting"]
    assert {key: waiting[key] for key in ("channel", "name", "sender")} == {
        "channel": "knock",
        "name": "Ann",
        "sender": "42",
    }
    assert code not in json.dumps(waiting)
    assert json.loads(nanobot("pair", code, "--json").stdout) == {
        "channel": "knock",
        "who": "Ann (42)",
        "owner": False,
    }
    listed = json.loads(nanobot("pair", "--json").stdout)
    assert [(one["sender"], one["owner"], one["by"]) for one in listed["members"]] == [("42", False, "control")]


def test_whoever_is_removed_is_a_stranger_again_at_once(street: Street, nanobot: Nanobot) -> None:
    ann = street.person("42")
    nanobot("pair", ann.code())
    ann.hears()
    done = nanobot("pair", "--remove", "knock", "42")
    assert (done.returncode, done.stdout) == (0, "42 is not paired on knock any more.\n")
    assert ann.code()
    again = nanobot("pair", "--remove", "knock", "43")
    assert again.returncode == 1
    assert again.stderr == (
        "nanobot: nobody with the id '43' is paired on 'knock' or waits for it; `nanobot pair` lists them\n"
    )


def test_wrong_codes_are_counted(street: Street, nanobot: Nanobot) -> None:
    code = street.person("42").code()
    for _ in range(5):
        done = nanobot("pair", "AAAA-AAAA", env={"LANG": "de_DE.UTF-8"})
        assert (done.returncode, done.stderr) == (1, "nanobot: Dieser Code ist falsch oder älter als eine Stunde.\n")
    done = nanobot("pair", code)
    assert done.returncode == 1
    assert "too many wrong codes" in done.stderr
    assert json.loads(nanobot("pair", "--json").stdout)["members"] == []


def test_an_owner_may_confirm_in_a_terminal_chat(street: Street, nanobot: Nanobot) -> None:
    code = street.person("42", sender_name="Ann").code()
    done = nanobot("chat", "-m", f"/pair {code}")
    assert (done.returncode, done.stdout) == (0, "`Ann (42)` may write on knock now.\n")


def test_a_chat_command_is_answered_at_once_in_a_pipe(nanobot: Nanobot) -> None:
    nanobot.write("console:\n")  # nobody but commands would answer
    nanobot.start()
    done = nanobot("chat", "-m", "/help", "--timeout", "20")
    assert done.returncode == 0
    assert done.stdout.startswith("/stop – ")


def test_nobody_waits(street: Street, nanobot: Nanobot) -> None:
    done = nanobot("pair")
    assert (done.returncode, done.stdout) == (0, "Nobody waits, and nobody is paired.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("ABCD-EFGH", "--list"),
        ("ABCD-EFGH", "--remove", "knock", "42"),
        ("--remove", "knock", "42", "--list"),
    ],
)
def test_two_things_at_once_are_a_mistake(nanobot: Nanobot, arguments: tuple[str, ...]) -> None:
    done = nanobot("pair", *arguments)
    assert (done.returncode, done.stderr) == (2, "nanobot: a code, --remove and --list do not go together\n")


def test_an_owner_is_made_with_a_code(nanobot: Nanobot) -> None:
    done = nanobot("pair", "--owner")
    assert (done.returncode, done.stderr) == (2, "nanobot: --owner needs a code\n")


def test_without_a_hub_it_says_how_to_start_one(nanobot: Nanobot) -> None:
    done = nanobot("pair", "ABCD-EFGH")
    assert done.returncode == 3
    assert done.stderr == f"nanobot: no hub is running on {nanobot.folder}; start it with `nanobot run`\n"


def stat_of(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"
