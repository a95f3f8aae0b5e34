"""The library is loaded beside the running hub, in silence; absent or broken, everything else goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.servers.running import Server

ROOT = Path(__file__).parents[3]
CHILD = Path(__file__).with_name("loading_child.py")
CANARY = "LITELLM_TEST_CANARY"

pytestmark = pytest.mark.slow

Found = dict[str, Any]


def run(what: str, server: Server, folder: Path, *options: str, path: str = "") -> Found:
    """What the child has found. It says nothing else, neither on stdout nor on stderr."""
    (folder / ".env").write_text(f"{CANARY}=1\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": f"{path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *options, str(CHILD), what, server.info["base_url"], str(folder)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if what == "whole":
        assert done.stderr == ""
    found: Found = json.loads(done.stdout)
    assert found["tasks"] == []
    return found


@pytest.fixture(scope="module")
def whole(model_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return run("whole", model_server, tmp_path_factory.mktemp("whole"))


def test_the_hub_starts_and_answers_while_the_library_is_loaded(whole: Found) -> None:
    assert whole["state"] == "loaded"
    assert whole["seconds until the hub had started"] < min(8.0, whole["seconds until it was loaded"])
    assert whole["assist"].startswith("It is ")
    assert not whole["loaded before assist had answered"]
    assert whole["stalls while loading"]["longest"] < 2.0
    assert whole["stalls while loading"]["p99"] < 0.3


def test_the_first_call_finds_all_it_needs(whole: Found) -> None:
    assert whole["first"] == "pong"
    assert whole["stalls of the first call"]["longest"] < 0.5  # 1.4 s without the rehearsal, on a machine at rest
    assert set(whole["imported late"]) <= {"litellm"}  # a few files of the other provider


def test_nothing_but_the_server_is_connected_to(model_server: Server, whole: Found) -> None:
    host, port = model_server.info["base_url"].removesuffix("/v1").removeprefix("http://").split(":")
    assert whole["connected"] == [f"{host}:{port}"]


def test_no_env_file_is_read_and_the_environment_stays_as_it_was(whole: Found) -> None:
    assert whole["opened"] == []
    assert CANARY not in whole["environment"]
    assert set(whole["environment"]) == {
        "LITELLM_LOCAL_MODEL_COST_MAP",  # read again whenever prices are looked up
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",  # read at the first call of some providers
        "TIKTOKEN_CACHE_DIR",  # the library's own: where its tokenizer lies, so that it is not fetched
    }


def test_it_tells_nobody_and_writes_nothing(whole: Found) -> None:
    assert whole["telemetry"] is False
    assert whole["callbacks"] == []
    assert (whole["handlers"], whole["loud"]) == ([], [])


BROKEN = {
    "leaves": ("raise SystemExit('gone')", "SystemExit: gone"),
    "lacks something": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_library_is_told_and_everything_else_answers(model_server: Server, tmp_path: Path, how: str) -> None:
    code, why = BROKEN[how]
    (tmp_path / "litellm").mkdir()
    (tmp_path / "litellm" / "__init__.py").write_text(code)
    found = run("broken", model_server, tmp_path, path=str(tmp_path))
    assert found["state"] == "retrying"
    command = f"-m pip install --force-reinstall --require-hashes -r {ROOT / 'requirements' / 'litellm.txt'}"
    assert found["error"].startswith(f"the library litellm cannot be loaded ({why}); install it anew with: ")
    assert found["error"].endswith(command)
    told = [text for text in found["issues"] if text.startswith("The library LiteLLM cannot be loaded, so its models")]
    assert len(told) == 1
    assert found["main"] == f"ModelError: main: the library litellm cannot be loaded: {why}"
    assert found["agent"] == "pong"  # the fallback has answered
    assert found["local"] == "pong"
    assert found["assist"].startswith("It is ")


def test_a_library_that_was_repaired_is_loaded_by_a_restart_of_the_entry(model_server: Server, tmp_path: Path) -> None:
    (tmp_path / "litellm").mkdir()
    (tmp_path / "litellm" / "__init__.py").write_text("raise RuntimeError('half installed')")
    found = run("repaired", model_server, tmp_path, path=str(tmp_path))
    assert found["state"] == "retrying"
    assert found["repaired"] == "pong"
    assert found["issues then"] == []


def test_an_absent_library_is_told_and_everything_else_answers(model_server: Server, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for installed in Path(sysconfig.get_path("purelib")).iterdir():
        if not installed.name.startswith("litellm"):
            (packages / installed.name).symlink_to(installed)
    found = run("broken", model_server, tmp_path, "-S", path=str(packages))
    assert found["state"] == "failed"
    assert found["error"].startswith("needs litellm>=1.83,<2, which is not installed; install it with: ")
    assert found["agent"].endswith("to see what I can do.")  # assist, in place of the agent
    assert found["local"] == "pong"
    assert found["assist"].startswith("It is ")
