"""One hub per folder, and what others may know of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nanobot.errors import StorageError
from nanobot.lifecycle.instance import AlreadyRunning, Instance, holder, read_info


def test_a_second_hub_on_the_same_folder_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with Instance(tmp_path), pytest.raises(AlreadyRunning) as refused, Instance(tmp_path):
        pass
    assert str(refused.value) == (
        f"another nanobot (process {os.getpid()}) runs on {tmp_path} already; "
        "stop it first, or use another folder with --config"
    )


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with Instance(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None
    with Instance(tmp_path):
        pass


def test_a_killed_process_leaves_the_folder_free(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time\n"
        "from nanobot.lifecycle.instance import Instance\n"
        "with Instance(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert holder(tmp_path) == process.pid
    process.kill()
    process.wait()
    process.stdout.close()
    with Instance(tmp_path):
        assert holder(tmp_path) == os.getpid()


def test_what_crashes_left_half_made_is_swept_up_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / ".storage" / "last_good").mkdir(parents=True)
    left = [tmp_path / ".storage" / name for name in (".run.x1.tmp", "last_good/.a.yaml.x2.tmp")]
    for path in left:
        path.touch()
        os.utime(path, (1, 1))
    in_the_making = tmp_path / ".storage" / ".tokens.json.x3.tmp"  # by another command, just now
    in_the_making.touch()
    with Instance(tmp_path):
        assert not any(path.exists() for path in left)
        assert in_the_making.exists()


def test_each_change_of_the_run_info_is_on_disk_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".storage" / "run.json"
    with Instance(tmp_path) as instance:
        info = instance.info({"pid": 1})
        assert not path.exists()
        info["url"] = "http://127.0.0.1:1/"
        assert read_info(tmp_path) == {"pid": 1, "url": "http://127.0.0.1:1/"}
        info.update(version="1")
        del info["url"]
        assert json.loads(path.read_text()) == {"pid": 1, "version": "1"}
        assert info.setdefault("version", "2") == "1"
        assert info.pop("version") == "1"
        assert read_info(tmp_path) == {"pid": 1}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_info(tmp_path) is None


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".storage").write_text("a file where a folder is needed")
    with pytest.raises(StorageError, match="cannot be opened"), Instance(tmp_path):
        pass


def test_damaged_run_info_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / ".storage").mkdir()
    (tmp_path / ".storage" / "run.json").write_text("[1")
    assert read_info(tmp_path) is None
