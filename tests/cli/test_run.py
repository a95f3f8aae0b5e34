"""`nanobot run`: the first start, the banner, one hub per folder, the end."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nanobot import __version__
from nanobot.cli.run import fill
from tests.cli.conftest import MINIMAL, ROOT, Nanobot

QUICKSTART = ROOT / "config-examples" / "quickstart"


def test_an_empty_folder_starts_with_the_quickstart(nanobot: Nanobot) -> None:
    shown = nanobot.start("--port", "0")
    assert f"nanobot {__version__}\n" in shown
    assert f"There was no configuration in {nanobot.folder}: it has an example now" in shown
    assert re.search(r"running +api, assist, .*webchat", re.sub(r"\n +", " ", shown))
    assert re.search(r"page +http://127\.0\.0\.1:\d+\n", shown)
    copied = (nanobot.folder / "configuration.yaml").read_text()
    assert copied == (QUICKSTART / "configuration.yaml").read_text()
    status = nanobot("status")
    assert status.returncode == 0, status.stdout
    code, rest = nanobot.stop()
    assert code == 0
    assert "Traceback" not in shown + rest


def test_the_one_time_link_is_shown_and_not_logged(nanobot: Nanobot) -> None:
    nanobot.write("http:\n")
    nanobot.start("--port", "0")
    _, rest = nanobot.stop()
    code = re.search(r"/claim#(\S+)", rest)
    assert code is not None
    assert code[1] not in (nanobot.folder / "nanobot.log").read_text()


def test_what_is_there_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled, folder = tmp_path / "bundled", tmp_path / "home"
    shutil.copytree(QUICKSTART, bundled / "quickstart")
    (bundled / "quickstart" / "more").mkdir()
    (bundled / "quickstart" / "more" / "notes.txt").write_text("example")
    monkeypatch.setattr("nanobot.cli.run.bundled", lambda name: bundled)
    (folder / "more").mkdir(parents=True)
    (folder / "more" / "notes.txt").write_text("mine")
    assert fill(folder) == ["configuration.yaml"]
    assert (folder / "more" / "notes.txt").read_text() == "mine"
    (folder / "configuration.yaml").write_text("assist:\n")
    assert fill(folder) == []
    assert (folder / "configuration.yaml").read_text() == "assist:\n"


def test_a_broken_link_counts_as_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "configuration.yaml").symlink_to(tmp_path / "nowhere")
    assert fill(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(nanobot: Nanobot) -> None:
    nanobot.folder.write_text("a file")
    done = nanobot("run")
    assert done.returncode == 1
    assert done.stderr.startswith(f"nanobot: {nanobot.folder} cannot be written to")


def test_a_second_hub_on_the_same_folder_is_refused(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    assert nanobot.process is not None
    done = nanobot("run")
    assert done.returncode == 1
    assert done.stderr == (
        f"nanobot: another nanobot (process {nanobot.process.pid}) runs on {nanobot.folder} already; "
        "stop it first, or use another folder with --config\n"
    )
    assert nanobot("status").returncode == 0


def test_the_port_of_the_command_line_counts(nanobot: Nanobot) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nanobot.write("http:\n  port: 1\n")
    assert f"http://127.0.0.1:{port}" in nanobot.start("--port", str(port))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(nanobot: Nanobot, how: signal.Signals) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    process = nanobot.process
    assert process is not None
    process.send_signal(how)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert re.search(rb"INFO stopped in \d", rest)
    assert not (nanobot.folder / ".storage" / "run.json").exists()
    assert not (nanobot.folder / ".storage" / "hub.sock").exists()
    assert "Traceback" not in (nanobot.folder / "nanobot.log").read_text()


def test_a_killed_hub_leaves_nothing_that_hinders_the_next(nanobot: Nanobot) -> None:
    nanobot.write(MINIMAL)
    nanobot.start()
    nanobot.kill()
    done = nanobot("status")
    assert (done.returncode, "no hub is running" in done.stderr) == (3, True)
    nanobot.start()
    assert nanobot("status").returncode == 0


def test_a_configuration_that_cannot_be_read_starts_in_recovery_and_says_so(nanobot: Nanobot) -> None:
    nanobot.write("assist: [\n")
    shown = nanobot.start("--port", "0")
    assert "Recovery mode: the configuration cannot be read" in shown
    status = nanobot("status")
    assert status.returncode == 1
    assert "Recovery mode" in status.stdout
    assert "configuration.yaml:" in re.sub(r"\s+", " ", status.stdout)


def test_the_hub_stays_free_of_what_is_seldom_needed(nanobot: Nanobot) -> None:
    """Of what only commands need, and of what some configurations do."""
    code = (
        "import sys; from nanobot.cli import run; import nanobot.app; import nanobot.automation.cron; "
        "from nanobot.lifecycle import bell, requirements; "
        "bell._library(); assert not requirements.missing(['PyYAML>=5']); "
        "seldom = {'typer', 'rich', 'click', 'prompt_toolkit', 'croniter', 'packaging', 'anyio', 'difflib'}; "
        "print(sorted(seldom & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=nanobot.environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr
