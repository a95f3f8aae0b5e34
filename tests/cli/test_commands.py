"""What every command has in common: parsing, help, mistakes, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nanobot import __version__
from nanobot.cli import main, run
from tests.cli.conftest import ROOT, Nanobot, environment


def test_the_version_needs_no_library(tmp_path: Path) -> None:
    code = (
        "import sys; from nanobot.cli import main; code = main(['--version']); "
        "heavy = {'typer', 'rich', 'click', 'aiohttp', 'voluptuous', 'yaml', 'asyncio', 'prompt_toolkit'}; "
        "print(sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"nanobot {__version__}\n[]\n")


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["-c", "x", "--version"]])
def test_the_version_can_be_asked_for_anywhere(nanobot: Nanobot, arguments: list[str]) -> None:
    done = nanobot(*arguments)
    assert (done.returncode, done.stdout) == (0, f"nanobot {__version__}\n")


def test_the_console_script_is_what_the_package_declares() -> None:
    assert 'nanobot = "nanobot.cli:main"' in (ROOT / "pyproject.toml").read_text()


def test_an_unknown_command_names_the_nearest_one(nanobot: Nanobot) -> None:
    done = nanobot("stauts")
    assert done.returncode == 2
    assert "Did you mean 'status'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_speaks_the_language_of_the_terminal(nanobot: Nanobot) -> None:
    assert "Start the hub." in nanobot("--help").stdout
    assert "Die Zentrale starten." in nanobot("--help", env={"LANG": "de_DE.UTF-8"}).stdout
    assert "启动中枢" in nanobot("--help", env={"LANG": "zh_CN.UTF-8"}).stdout


@pytest.mark.parametrize("command", ["status", "reload", "chat"])
def test_without_a_hub_a_command_says_how_to_start_one(nanobot: Nanobot, command: str) -> None:
    done = nanobot(command, typed="hello")
    assert done.returncode == 3
    assert done.stderr == f"nanobot: no hub is running on {nanobot.folder}; start it with `nanobot run`\n"


def test_how_to_start_one_names_the_folder_that_was_given(nanobot: Nanobot, tmp_path: Path) -> None:
    done = nanobot("status", "-c", "my home")
    assert f"start it with `nanobot run --config '{tmp_path / 'my home'}'`" in done.stderr


def test_the_folder_can_be_given_before_and_after_the_command(nanobot: Nanobot, tmp_path: Path) -> None:
    for arguments in (["-c", "a", "status"], ["status", "--config", "a"], ["-c", "b", "status", "-c", "a"]):
        assert f"no hub is running on {tmp_path / 'a'};" in nanobot(*arguments).stderr


def test_without_anything_the_folder_is_in_the_home(nanobot: Nanobot, tmp_path: Path) -> None:
    done = nanobot("status", env={"NANOBOT_CONFIG": "", "HOME": str(tmp_path)})
    assert f"no hub is running on {tmp_path / '.nanobot'};" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["run"], run.Options()),
        (["-c", "x", "run"], run.Options(Path("x"))),
        (["--config=x", "run", "--port", "80"], run.Options(Path("x"), 80)),
        (["run", "-c", "x", "-p", "0", "-v", "--no-log-file"], run.Options(Path("x"), 0, True, False)),
        (["run", "--port=x"], None),
        (["run", "--port", "70000"], None),
        (["run", "--prot", "1"], None),
        (["run", "-c"], None),
        (["run", "--help"], None),
        (["run", "run"], None),
        (["status"], None),
        ([], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_plain_run_needs_no_library_to_be_understood(arguments: list[str], options: run.Options | None) -> None:
    assert run.plain(arguments) == options


def test_a_mistake_in_run_is_explained(nanobot: Nanobot) -> None:
    done = nanobot("run", "--prot", "1")
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_an_interrupted_command_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: list[str]) -> run.Options:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "plain", interrupted)
    assert main(["status"]) == 130
