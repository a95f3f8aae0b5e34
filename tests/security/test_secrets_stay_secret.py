"""A secret that an integration spills in every way it can is nowhere to be read."""

from __future__ import annotations

import json
import re
import socket
import time

import pytest

from nanobot.util.secrets import Scrubber
from tests.cli.conftest import Nanobot

CANARY = 'c4n4ry "q\\uote" ä&/=+ end'
PLAIN = "c4n4ry"
LEAKY = """
import logging
import voluptuous as vol
from nanobot.errors import NanobotError, NotReady
from nanobot.contracts.command import Command
from nanobot.contracts.view import Access
from nanobot.contracts.agent import Agent, Text


def spill(value):
    logging.getLogger("nanobot.leaky").warning("in the schema: %s", value)
    logging.getLogger("nanobot.leaky").warning("all of it: %r", {"token": str(value)})
    return value


def refuse(value):
    raise vol.Invalid(f"{value} is not good enough")


CONFIG_SCHEMA = vol.Schema({"token": spill, "how": str, vol.Optional("refused"): refuse})


class Spilling(Agent):
    rank = 1000

    def __init__(self, token):
        super().__init__("spilling")
        self.token = token

    async def respond(self, turn):
        if False:
            yield Text("")
        raise NanobotError(f"could not reach https://x/{self.token}")


async def setup(hub, entry):
    token, how = entry.config["token"], entry.config["how"]
    if how == "not ready":
        raise NotReady(f"cannot reach https://x/{token}")
    if how == "crash":
        raise RuntimeError(f"401 for {token!r}", {"token": str(token)})
    if how == "agent":
        entry.add(Spilling(token))

    async def fail():
        raise RuntimeError(f"lost {token}")

    async def command(connection, data):
        raise RuntimeError(f"command with {token}")

    entry.run(fail, name="task")
    entry.issue("broken", token=token)
    if how == "command":
        entry.add(Command("leak", command, Access.ADMIN, None, "fails"))
"""


def over_socket(nanobot: Nanobot, request: dict[str, object]) -> str:
    info = json.loads((nanobot.folder / ".storage" / "run.json").read_bytes())
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(info["socket"])
        client.sendall(json.dumps(request).encode() + b"\n")
        return client.makefile().readline()


@pytest.fixture
def leaky(nanobot: Nanobot) -> Nanobot:
    nanobot.folder.mkdir()
    folder = nanobot.folder / "integrations" / "leaky"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"domain": "leaky", "name": "Leaky", "version": "1"}')
    (folder / "__init__.py").write_text(LEAKY)
    (folder / "translations").mkdir()
    (folder / "translations" / "en.json").write_text('{"issues": {"broken": "It broke with {token}."}}')
    (nanobot.folder / "secrets.yaml").write_text(f"token: {json.dumps(CANARY)}\n")
    return nanobot


@pytest.mark.parametrize("how", ["not ready", "crash", "task", "command"])
def test_a_secret_in_a_failure_is_in_no_output(leaky: Nanobot, how: str) -> None:
    leaky.write(f"assist:\nleaky:\n  token: !secret token\n  how: {how}\n")
    shown = leaky.start()
    outputs = {
        "status": leaky("status").stdout,
        "status --json": leaky("status", "--json").stdout,
        "plan --json": leaky("plan", "--json").stdout,
        "chat": leaky("chat", "-m", "what failed?").stdout,
        "reload": leaky("reload", "leaky").stdout,
        "a command": over_socket(leaky, {"id": 1, "command": "leak"}),
    }
    code, rest = leaky.stop()
    assert code == 0
    outputs["terminal"] = shown + rest
    outputs["log"] = (leaky.folder / "nanobot.log").read_text()
    assert "leaky" in outputs["log"]
    assert "leaky" in outputs["status --json"]
    assert {name: text for name, text in outputs.items() if PLAIN in text} == {}


def test_a_secret_in_an_agents_failure_is_not_in_its_answer(leaky: Nanobot) -> None:
    leaky.write("console:\nleaky:\n  token: !secret token\n  how: agent\n")
    leaky.start()
    answer = leaky("chat", "-m", "hello").stdout
    assert "could not reach" in answer
    assert PLAIN not in answer


@pytest.mark.parametrize("arguments", [["check"], ["check", "--json"], ["plan"], ["plan", "--json"], ["schema"]])
def test_a_refused_secret_is_not_in_the_problem(leaky: Nanobot, arguments: list[str]) -> None:
    leaky.write("leaky:\n  token: good\n  how: task\n  refused: !secret token\n")
    done = leaky(*arguments)
    assert PLAIN not in done.stdout + done.stderr


def test_a_malformed_secret_is_not_in_the_problem(leaky: Nanobot) -> None:
    (leaky.folder / "secrets.yaml").write_text("day: 2026-77-77\n")
    leaky.write("leaky:\n  token: !secret day\n  how: task\n")
    done = leaky("check", "--json")
    assert "secrets.yaml" in done.stdout
    assert "2026-77-77" not in done.stdout + done.stderr


def test_last_good_copies_of_secrets_are_for_their_owner_alone(leaky: Nanobot) -> None:
    leaky.write("leaky:\n  token: !secret token\n  how: task\n")
    leaky.start()
    copy = leaky.folder / ".storage" / "last_good" / "secrets.yaml"
    deadline = time.monotonic() + 20
    while not copy.exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # another process writes it; there is nothing to wait on
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text", ["https://x/?key=a%26b%2Fc%3Dd", '{"key": "a&b/c=d"}', "a&b/c=d", "'a&b/c=d'", "a%26b/c%3Dd"]
)
def test_a_secret_is_known_in_whatever_form_it_is_written(text: str) -> None:
    assert re.sub("[^ab]", "", Scrubber(["a&b/c=d"]).scrub(text)) == ""
