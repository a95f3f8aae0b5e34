"""Each way to fail leaves the rest working, and a sentence that a person understands."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.entry import EntryState
from nanobot.lifecycle import entries as entries_module
from nanobot.testing.plugin import House

BROKEN = Path(__file__).parent.parent / "integrations" / "_broken"


@pytest.fixture
async def ward(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house with all broken integrations in the user's folder, and short limits."""
    monkeypatch.setattr(entries_module, "SETUP_LIMIT", 0.3)
    monkeypatch.setattr(entries_module, "UNLOAD_LIMIT", 0.3)
    shutil.copytree(BROKEN, house.config_dir / "integrations")
    house.loader.mount()
    yield house
    await healthy(house)
    await house.close()  # while the limits are still short


async def healthy(house: House) -> None:
    """The healthy one works, whatever the others did."""
    if "healthy" in house.hub.entries:
        assert house.hub.entries["healthy"].state is EntryState.LOADED
        await house.hub.services.call("healthy", "ask")


def issues(house: House) -> str:
    return "\n".join(issue.text() for issue in house.hub.issues)


@pytest.mark.parametrize(
    ("domain", "sentence"),
    [
        ("bad_syntax", "integrations/bad_syntax/__init__.py:4: "),
        ("bad_import", "integrations/bad_import/__init__.py:3: "),
        ("no_manifest", "integrations/no_manifest/manifest.json: "),
        ("bad_manifest", "integrations/bad_manifest/manifest.json:4: "),
        ("no_setup", "integrations/no_setup/__init__.py: "),
    ],
)
async def test_what_cannot_be_loaded_is_left_out_and_named(ward: House, domain: str, sentence: str) -> None:
    await ward.start(f"healthy:\n{domain}:\n")
    assert domain not in ward.hub.entries
    (problem,) = ward.edits.problems
    assert sentence in str(problem)
    assert "Traceback" not in str(problem)
    assert str(problem) in issues(ward)


async def test_a_fault_in_setup_leaves_nothing_half_done(ward: House, caplog: pytest.LogCaptureFixture) -> None:
    await ward.start("healthy:\nsetup_fails:\n")
    entry = ward.entry("setup_fails")
    assert entry.state is EntryState.RETRYING
    assert entry.error == "KeyError: 'no such thing' (integrations/setup_fails/__init__.py:8)"
    assert "sensor.half" not in ward.hub.states
    assert not ward.hub.services.has("setup_fails", "half")
    assert "half" not in ward.hub.bus.counts()
    assert "no such thing" in issues(ward)


async def test_what_is_stopped_is_not_tried_again_and_no_longer_in_need_of_repair(ward: House) -> None:
    await ward.start("healthy:\nsetup_fails:\n")
    await ward.hub.services.call("nanobot", "stop_entry", {"entry": "setup_fails"})
    entry = ward.entry("setup_fails")
    assert (entry.state, entry.error, issues(ward)) == (EntryState.STOPPED, None, "")
    await ward.hub.services.call("nanobot", "start_entry", {"entry": "setup_fails"})
    assert ward.entry("setup_fails").state is EntryState.RETRYING
    assert "no such thing" in issues(ward)


async def test_a_setup_that_hangs_is_given_up_and_tried_again(ward: House) -> None:
    await ward.start("healthy:\nsetup_hangs:\n")
    entry = ward.entry("setup_hangs")
    assert entry.state is EntryState.RETRYING
    assert entry.error == "setting up took more than 0.3 s"


async def test_a_setup_that_hangs_does_not_hold_up_the_next_edit(ward: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_module, "SETUP_LIMIT", 60.0)
    await ward.start("healthy:\n")
    first = asyncio.ensure_future(ward.apply("healthy:\nsetup_hangs:\n"))
    while "setup_hangs" not in ward.hub.entries:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await ward.apply("healthy:\nsetup_hangs:\nbad_schema:\n  size: 2\n")
    assert first.done()
    assert ward.entry("bad_schema").state is EntryState.LOADED
    assert ward.entry("setup_hangs").state is EntryState.STARTING
    async with asyncio.timeout(5):
        await ward.apply("healthy:\n")
    assert "setup_hangs" not in ward.hub.entries


async def test_what_is_not_ready_is_tried_again_until_it_is(ward: House) -> None:
    await ward.start("healthy:\nnever_ready:\n")
    entry = ward.entry("never_ready")
    assert entry.state is EntryState.RETRYING
    assert entry.error == "the device does not answer"
    assert "sensor.never" not in ward.hub.states
    state = ward.hub.states.get("integration.never_ready")
    assert state is not None
    assert state.state == "retrying"
    code = ward.config_dir / "integrations" / "never_ready" / "__init__.py"
    code.write_text("async def setup(hub, entry):\n    entry.set_state('sensor.never', 'at last')\n")
    await ward.apply()
    assert ward.entry("never_ready").state is EntryState.LOADED
    assert len(ward.hub.issues) == 0


async def test_refused_credentials_are_shown_and_not_tried_again(ward: House) -> None:
    await ward.start("healthy:\nrefused:\n")
    entry = ward.entry("refused")
    assert entry.state is EntryState.FAILED
    assert "write the new one into secrets.yaml" in issues(ward)


async def test_a_missing_library_of_a_users_integration_is_an_issue_with_the_command(ward: House) -> None:
    await ward.start("healthy:\nunknown_requirement:\n")
    entry = ward.entry("unknown_requirement")
    assert entry.state is EntryState.FAILED
    assert "no-such-library-anywhere==1.0" in issues(ward)
    assert "install" in issues(ward)


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("task_crashes", "connection lost"),
        ("task_returns", "it ended without being told to"),
        ("task_silent", "no sign of life for 0.2 s"),
    ],
)
async def test_a_task_that_ends_makes_its_entry_retry(ward: House, domain: str, error: str) -> None:
    told = asyncio.Event()
    ward.hub.bus.listen("task_failed", lambda event: told.set())
    await ward.start(f"healthy:\n{domain}:\n")
    async with asyncio.timeout(5):
        await told.wait()
    assert ward.entry(domain).state is EntryState.RETRYING
    assert ward.entry(domain).error == error


async def test_an_unload_that_hangs_is_cut_off(ward: House) -> None:
    await ward.start("healthy:\nunload_hangs:\n")
    await ward.apply("healthy:\n")
    assert "unload_hangs" not in ward.hub.entries
    assert "sensor.hangs" not in ward.hub.states
    assert "unload_hangs" in issues(ward)


async def test_an_unload_that_fails_undoes_the_rest(ward: House) -> None:
    await ward.start("healthy:\nunload_fails:\n")
    await ward.apply("healthy:\n")
    assert "sensor.fails" not in ward.hub.states
    assert "sensor.fails_too" not in ward.hub.states
    assert "unload_fails" in issues(ward)


async def test_a_failing_listener_is_only_logged(ward: House, caplog: pytest.LogCaptureFixture) -> None:
    await ward.start("healthy:\nlistener_fails:\n")
    with caplog.at_level(logging.ERROR):
        ward.hub.bus.fire("rang")
        await asyncio.sleep(0.01)
    assert "cannot count to three" in caplog.text
    assert "cannot wait either" in caplog.text
    assert ward.entry("listener_fails").state is EntryState.LOADED


async def test_options_that_only_setup_can_judge_fail_the_entry(ward: House) -> None:
    await ward.start("healthy:\nbad_schema:\n  size: 4\n")
    assert ward.entry("bad_schema").state is EntryState.FAILED
    assert "size 4 and above do not fit on this machine" in issues(ward)


async def test_an_edit_that_setup_refuses_leaves_the_old_one_running(ward: House) -> None:
    await ward.start("healthy:\nbad_schema:\n  size: 2\n")
    await ward.apply("healthy:\nbad_schema:\n  size: 5\n")
    state = ward.hub.states.get("sensor.size")
    assert state is not None
    assert state.state == "2"
    assert ward.entry("bad_schema").state is EntryState.LOADED
    assert "size 4 and above do not fit on this machine" in issues(ward)
    again = ward.entry("bad_schema")
    await ward.apply("healthy:\nbad_schema:\n  size: 5\nno_setup:\n")
    assert ward.entry("bad_schema") is again, "an edit elsewhere does not try the refused one again"
    await ward.apply("healthy:\nbad_schema:\n  size: 3\n")
    state = ward.hub.states.get("sensor.size")
    assert state is not None
    assert state.state == "3"
    assert issues(ward) == ""


async def test_what_an_edit_could_not_bring_up_is_told_with_the_edit(ward: House) -> None:
    await ward.start("healthy:\nbad_schema:\n  size: 2\n")
    told: list[Event] = []
    ward.hub.bus.listen("config_applied", told.append)
    await ward.apply("healthy:\nbad_schema:\n  size: 5\nrefused:\n")
    data = told[-1].data
    assert (data["added"], data["changed"]) == (["refused"], [])
    assert [problem["where"] for problem in data["problems"]] == ["refused", "bad_schema"]
    assert "size 4 and above do not fit on this machine" in data["problems"][1]["text"]


async def test_all_of_them_at_once_leave_the_healthy_one_working(ward: House) -> None:
    domains = sorted(path.name for path in BROKEN.iterdir() if path.is_dir() and path.name != "__pycache__")
    await ward.start("".join(f"{domain}:\n" for domain in domains))
    await healthy(ward)
    assert len(ward.edits.problems) == 5
