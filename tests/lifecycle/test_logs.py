"""The log: to the terminal and to a file, without secrets, whatever the disk does."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanobot.lifecycle import logs
from nanobot.lifecycle.logs import FILE, Logs, setup


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Logs]:
    made = setup(tmp_path)
    yield made
    made.stop()


def written(folder: Path) -> str:
    return (folder / FILE).read_text(encoding="utf-8")


def test_a_line_goes_to_the_terminal_and_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = setup(tmp_path)
    logging.getLogger("nanobot.telegram").info("telegram: connected as %s", "@bot")
    logging.getLogger("aiohttp").warning("slow")
    logging.getLogger("aiohttp").info("not shown")
    logging.getLogger("nanobot").debug("not shown either")
    logging.getLogger("integrations.own.view").info("an integration that names its logger after its module")
    log.stop()
    lines = written(tmp_path).splitlines()
    assert [line[20:] for line in lines] == [
        "INFO telegram: connected as @bot",
        "WARNING aiohttp: slow",
        "INFO integrations.own.view: an integration that names its logger after its module",
    ]
    assert time.strptime(lines[0][:19], "%Y-%m-%d %H:%M:%S")
    assert capsys.readouterr().err == "\n".join(lines) + "\n"  # no colours where there is no terminal
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_verbose_shows_everything_of_ours(tmp_path: Path) -> None:
    log = setup(tmp_path, verbose=True)
    logging.getLogger("nanobot.x").debug("detail")
    log.stop()
    assert "DEBUG detail" in written(tmp_path)


def test_secrets_are_dots_in_messages_arguments_and_tracebacks(tmp_path: Path, log: Logs) -> None:
    log.hide(["hunter2hunter2", "line one\nline two"])
    logger = logging.getLogger("nanobot.test")
    logger.warning("token hunter2hunter2 in the text")
    logger.warning("in an argument: %s", {"token": "hunter2hunter2"})
    try:
        raise ValueError("refused: hunter2hunter2")
    except ValueError:
        logger.exception("it failed")
    logger.warning("half: line two")
    log.stop()
    text = written(tmp_path)
    assert "hunter2" not in text
    assert "line two" not in text
    assert text.count("••••") == 5  # the traceback shows the line of code as well
    assert "ValueError: refused: ••••" in text


def test_what_people_send_can_neither_forge_lines_nor_steer_the_terminal(tmp_path: Path, log: Logs) -> None:
    logging.getLogger("nanobot.x").warning("said: %s", "hi\n2026-01-01 00:00:00 ERROR forged\x1b[2J\r\x9b1m")
    log.stop()
    lines = written(tmp_path).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("    2026-01-01")
    assert "\x1b" not in lines[1]
    assert lines[1].endswith("forged\\x1b[2J\\x0d\\x9b1m")


def test_a_line_that_cannot_be_put_together_is_still_a_line(tmp_path: Path, log: Logs) -> None:
    # handed over directly: pytest's own handler would fail the test
    log._inlet.handle(logging.LogRecord("nanobot.x", logging.WARNING, __file__, 1, "%d apples", ("many",), None))
    log.stop()
    assert "%d apples ('many',) (this line could not be put together" in written(tmp_path)


def test_the_file_is_begun_anew_at_its_limit_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2000)
    log = setup(tmp_path)
    for number in range(200):
        logging.getLogger("nanobot.x").info("line %03d %s", number, "x" * 60)
    log.stop()
    files = sorted(path.name for path in tmp_path.glob(f"{FILE}*"))
    assert files == [FILE, f"{FILE}.1", f"{FILE}.2"]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.glob(f"{FILE}*"))
    assert "line 199" in written(tmp_path)


def test_the_file_is_begun_anew_after_seven_days(tmp_path: Path) -> None:
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 8 * 86400))
    (tmp_path / FILE).write_text(f"{begun} INFO old\n")
    stale = tmp_path / f"{FILE}.1"
    stale.write_text("ancient\n")
    os.utime(stale, (0, 0))
    log = setup(tmp_path)
    logging.getLogger("nanobot.x").info("new")
    log.stop()
    assert written(tmp_path).endswith("INFO new\n")
    assert "old" not in written(tmp_path)
    assert (tmp_path / f"{FILE}.1").read_text().endswith("old\n")
    assert not (tmp_path / f"{FILE}.2").exists()


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path, log: Logs) -> None:
    logger = logging.getLogger("nanobot.x")
    logger.info("one")
    deadline = time.monotonic() + 10
    while not (tmp_path / FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / FILE).rename(tmp_path / "moved")
    logger.info("two")
    log.stop()
    assert written(tmp_path).endswith("INFO two\n")


def test_a_disk_that_refuses_is_said_once_and_harms_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).mkdir()
    log = setup(tmp_path)
    for _ in range(5):
        logging.getLogger("nanobot.x").info("still here")
    log.stop()
    shown = capsys.readouterr().err
    assert shown.count("still here") == 5
    assert shown.count("cannot be written") == 1
    assert "Traceback" not in shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said_once_and_harms_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).symlink_to("/dev/full")
    log = setup(tmp_path)
    for _ in range(5):
        logging.getLogger("nanobot.x").info("still here")
    log.stop()
    shown = capsys.readouterr().err
    assert shown.count("still here") == 5
    assert shown.count("No space left on device") == 1


def test_logging_never_waits_for_a_terminal_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    class Held:
        def write(self, text: str) -> int:
            release.wait(20)
            return len(text)

        def flush(self) -> None: ...

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stderr", Held())
    monkeypatch.setattr(logs, "MAX_WAITING", 100)
    log = setup(tmp_path)
    began = time.monotonic()
    for number in range(1000):
        logging.getLogger("nanobot.x").info("line %d", number)
    assert time.monotonic() - began < 5
    release.set()
    deadline = time.monotonic() + 10
    while log._inlet.records.qsize() and time.monotonic() < deadline:
        time.sleep(0.01)
    logging.getLogger("nanobot.x").info("after")
    log.stop()
    assert "log lines were lost" in written(tmp_path)
    assert written(tmp_path).endswith("INFO after\n")


def test_what_nobody_caught_is_logged(tmp_path: Path, log: Logs) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    try:
        raise RuntimeError("at the end")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    log.stop()
    text = written(tmp_path)
    assert "the thread worker failed: in a thread" in text
    assert "CRITICAL an error that nobody expected: at the end" in text
    assert sys.excepthook is not logs._uncaught


def test_stopping_puts_everything_back(tmp_path: Path) -> None:
    root, ours = logging.getLogger(), logging.getLogger("nanobot")
    before = list(root.handlers), root.level, ours.level, sys.excepthook, threading.active_count()
    setup(tmp_path).stop()
    after = list(root.handlers), root.level, ours.level, sys.excepthook, threading.active_count()
    assert after == before
