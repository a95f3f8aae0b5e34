"""`nanobot chat`, and the prompt in the hub's own terminal."""

from __future__ import annotations

import signal
import stat
import time
from collections.abc import Callable

import pytest

from tests.cli.conftest import TALK, Nanobot, Screen

Start = Callable[..., Screen]


@pytest.fixture
def running(nanobot: Nanobot) -> Nanobot:
    """A hub with a lamp and assist."""
    nanobot.write(TALK)
    nanobot.start()
    return nanobot


def test_one_answer_and_nothing_else(running: Nanobot) -> None:
    done = running("chat", "-m", "turn on the desk lamp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Desk lamp is now on.\n", "")


def test_the_message_may_come_through_a_pipe(running: Nanobot) -> None:
    assert running("chat", typed="turn on the desk lamp\n").stdout == "Desk lamp is now on.\n"


def test_nothing_to_say_is_a_mistake(running: Nanobot) -> None:
    done = running("chat", "-m", "  ")
    assert (done.returncode, done.stderr) == (1, "nanobot: there is nothing to send; write it after -m\n")


def test_no_answer_in_time_has_an_exit_code_of_its_own(nanobot: Nanobot) -> None:
    nanobot.write("console:\n")  # nobody who answers
    nanobot.start()
    done = nanobot("chat", "-m", "hello", "--timeout", "1")
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr == "nanobot: no answer within 1 s; `nanobot status` shows what is wrong\n"


def test_an_answer_arrives_although_the_console_is_reloaded_meanwhile(running: Nanobot) -> None:
    done = running("chat", "-m", "reload console", "--timeout", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert "console" in done.stdout


def test_a_hub_without_console_says_so(nanobot: Nanobot) -> None:
    nanobot.write("assist:\n")
    nanobot.start()
    done = nanobot("chat", "-m", "hello")
    assert done.returncode == 1
    assert "console" in done.stderr


def test_a_chat_at_a_terminal(running: Nanobot, screen: Start) -> None:
    chat = screen("chat")
    chat.sees("Type a message")
    chat.sees("›")
    chat.types("turn on the desk la\t")  # Tab completes the name
    chat.sees("Desk lamp")
    chat.types("\r")
    chat.sees("› turn on the Desk lamp\n")
    chat.sees("Desk lamp is now on.")
    running.write(TALK.replace("Desk lamp", "Floor lamp"))
    chat.sees("configuration applied: changed input_boolean")
    chat.types("turn off the floor lamp\r")
    chat.sees("Floor lamp is now off.")
    chat.types("/nothing of the kind\x03/help\r")  # Ctrl-C forgets the line
    assert "/nothing" not in chat.sees("Alt-Enter").split("›")[-1]
    chat.types("\x04")
    assert chat.ends() == 0
    assert running("status").returncode == 0
    history = running.folder / ".storage" / "console_history"
    assert "turn off the floor lamp" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_what_was_said_comes_back_with_the_arrow(running: Nanobot, screen: Start) -> None:
    first = screen("chat")
    first.sees("›")
    first.types("turn on the desk lamp\r")
    first.sees("now on.")
    first.types("/quit\r")
    assert first.ends() == 0
    again = screen("chat")
    again.sees("›")
    again.types("\x1b[A")
    again.sees("/quit")
    again.types("\x1b[A")
    again.sees("turn on the desk lamp")
    again.types("\r")
    again.sees("Desk lamp was already on.")


def test_a_paste_of_several_lines_is_one_message(running: Nanobot, screen: Start) -> None:
    chat = screen("chat")
    chat.sees("›")
    chat.types("\x1b[200~turn on\nthe desk lamp\x1b[201~\r")
    chat.sees("› turn on\n")
    chat.sees("  the desk lamp\n")
    chat.sees("Desk lamp is now on.")


def test_a_yaml_error_is_shown_while_chatting_and_everything_runs_on(running: Nanobot, screen: Start) -> None:
    chat = screen("chat")
    chat.sees("›")
    running.write(TALK + "timer: [\n")
    chat.sees("the configuration cannot be read; everything runs on as before")
    chat.sees("configuration.yaml:")
    chat.types("turn on the desk lamp\r")
    chat.sees("Desk lamp is now on.")


def test_two_terminals_do_not_hear_one_another(running: Nanobot, screen: Start) -> None:
    one, other = screen("chat"), screen("chat")
    one.sees("›")
    other.sees("›")
    one.types("turn on the desk lamp\r")
    one.sees("Desk lamp is now on.")
    other.types("is the desk lamp on?\r")
    other.sees("›")
    other.sees("Desk lamp")
    assert "now on" not in other.text


def test_a_chat_survives_a_restart_of_the_hub(running: Nanobot, screen: Start) -> None:
    chat = screen("chat")
    chat.sees("›")
    running.kill()
    chat.sees("nanobot has gone away")
    chat.types("turn on the desk lamp\r")
    chat.sees("! the hub has gone away")
    running.start()
    chat.sees("nanobot is back")
    chat.types("\r")  # what could not be sent is still in the line
    chat.sees("Desk lamp")


def test_the_hub_itself_can_be_talked_to(nanobot: Nanobot, screen: Start) -> None:
    nanobot.write(TALK)
    hub = screen("run")
    hub.sees("the change is live")
    hub.sees("›")
    hub.types("turn on the desk lamp\r")
    hub.sees("Desk lamp is now on.")
    hub.types("half a li")
    nanobot.write(TALK.replace("Desk lamp", "Floor lamp"))
    hub.sees("configuration applied: changed input_boolean")
    hub.sees("half a li")  # what is being typed stays
    nanobot.write(TALK + "nonsense:\n")
    hub.sees("nonsense")
    hub.types("\x03")
    hub.types("\x04")
    hub.sees("Stop nanobot? (y/N)")
    hub.types("n\r")
    hub.sees("›")
    hub.types("\x04")
    hub.sees("Stop nanobot? (y/N)")
    hub.types("y\r")
    assert hub.ends() == 0
    assert "stopped in" in (nanobot.folder / "nanobot.log").read_text()


def test_control_c_twice_stops_the_hub(nanobot: Nanobot, screen: Start) -> None:
    nanobot.write(TALK)
    hub = screen("run")
    hub.sees("Type a message")
    hub.sees("›")
    hub.types("\x03")
    hub.sees("Ctrl-C again stops nanobot.")
    hub.types("\x03")
    assert hub.ends() == 0


def test_a_service_stop_gives_the_terminal_back(nanobot: Nanobot, screen: Start) -> None:
    nanobot.write(TALK)
    hub = screen("run")
    hub.sees("›")
    hub.process.terminate()
    began = time.monotonic()
    assert hub.ends() == 0
    assert time.monotonic() - began < 10


def test_closing_the_terminal_stops_the_hub_in_order(nanobot: Nanobot, screen: Start) -> None:
    nanobot.write(TALK)
    hub = screen("run")
    hub.sees("Type a message")
    hub.hang_up()
    assert hub.process.wait(timeout=30) == 0
    log = (nanobot.folder / "nanobot.log").read_text()
    assert "stopped in" in log
    assert "Traceback" not in log


def test_a_service_applies_its_configuration_on_hup(nanobot: Nanobot) -> None:
    nanobot.write(TALK)
    nanobot.start()
    assert nanobot.process is not None
    nanobot.process.send_signal(signal.SIGHUP)
    assert nanobot("status").returncode == 0


def test_the_terminal_can_be_left_to_the_log(nanobot: Nanobot, screen: Start) -> None:
    nanobot.write("assist:\nconsole:\n  terminal: false\n")
    hub = screen("run")
    hub.sees("the change is live")
    assert nanobot("chat", "-m", "hello").returncode == 0
    assert "›" not in hub.text
    hub.types("\x03")
    assert hub.ends() == 0
