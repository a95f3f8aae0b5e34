"""Every edit is live: what changed is reloaded, and nothing else notices."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nanobot.errors import InvalidServiceData, NanobotError
from nanobot.hub.bus import Event
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House

PART = '''
"""A part for tests: notes each step of its life."""

import voluptuous as vol

CONFIG_SCHEMA = vol.Schema({vol.Optional("value", default=0): int})
CODE = 1


async def setup(hub, entry):
    hub.bus.fire("life", {"entry": entry.id, "step": "setup", "value": entry.config["value"]})
    entry.set_state(f"sensor.{entry.id.replace(' ', '_')}", f"{entry.config['value']}/{CODE}")


async def unload(hub, entry):
    hub.bus.fire("life", {"entry": entry.id, "step": "unload", "value": entry.config["value"]})
'''
RELOADS = """

async def reload(hub, entry, config):
    if config["value"] < 0:
        return False
    hub.bus.fire("life", {"entry": entry.id, "step": "reload", "value": config["value"]})
    entry.set_state(f"sensor.{entry.id.replace(' ', '_')}", f"{config['value']}/{CODE}")
    return True
"""


class Life:
    """What the parts of a house went through."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.steps: list[str] = []
        house.hub.bus.listen(
            "life", lambda e: self.steps.append(f"{e.data['entry']}: {e.data['step']} {e.data['value']}")
        )

    def since(self) -> list[str]:
        steps, self.steps = self.steps, []
        return steps

    def state(self, name: str) -> str | None:
        state = self.house.hub.states.get(f"sensor.{name}")
        return state.state if state else None


def write_part(folder: Path, domain: str, code: str = PART, manifest: str = "") -> None:
    home = folder / "integrations" / domain
    home.mkdir(parents=True, exist_ok=True)
    (home / "manifest.json").write_text(f'{{"domain": "{domain}", "name": "{domain}", "version": "1"{manifest}}}')
    (home / "__init__.py").write_text(code)


@pytest.fixture
async def life(house: House) -> Life:
    write_part(house.config_dir, "alpha")
    write_part(house.config_dir, "beta")
    write_part(house.config_dir, "gamma", PART + RELOADS)
    house.loader.mount()
    return Life(house)


async def test_a_new_key_is_set_up_a_removed_one_unloaded_and_the_rest_left_alone(life: Life, house: House) -> None:
    await house.start("alpha:\nbeta:\n  value: 2\n")
    assert sorted(life.since()) == ["alpha: setup 0", "beta: setup 2"]  # neither waits for the other
    alpha = house.entry("alpha")
    applied = await house.apply("alpha:\ngamma:\n")
    assert life.since() == ["beta: unload 2", "gamma: setup 0"]
    assert (applied.plan.added, applied.plan.removed, applied.plan.changed) == (("gamma",), ("beta",), ())
    assert house.entry("alpha") is alpha
    assert "integration.beta" not in house.hub.states


async def test_a_changed_key_is_reloaded_in_place_if_it_can(life: Life, house: House) -> None:
    await house.start("alpha:\ngamma:\n  value: 1\n")
    gamma = house.entry("gamma")
    life.since()
    await house.apply("alpha:\ngamma:\n  value: 2\n")
    assert life.since() == ["gamma: reload 2"]
    assert house.entry("gamma") is gamma
    assert gamma.config == {"value": 2}
    await house.apply("alpha:\ngamma:\n  value: -1\n")
    assert life.since() == ["gamma: unload 2", "gamma: setup -1"]


async def test_a_save_that_changes_no_value_does_nothing(life: Life, house: House) -> None:
    await house.start("alpha:\n  value: 1\n")
    life.since()
    applied = await house.apply("# a comment\nalpha: {value: 1}\n")
    assert not applied.plan
    assert life.since() == []


async def test_labelled_keys_are_entries_of_their_own(life: Life, house: House) -> None:
    await house.start("alpha one:\n  value: 1\nalpha two:\n  value: 2\n")
    life.since()
    await house.apply("alpha one:\n  value: 1\nalpha two:\n  value: 3\n")
    assert life.since() == ["alpha two: unload 2", "alpha two: setup 3"]
    assert (life.state("alpha_one"), life.state("alpha_two")) == ("1/1", "3/1")


async def test_a_wrong_value_keeps_what_runs_and_says_which_line(life: Life, house: House) -> None:
    await house.start("alpha:\n  value: 1\nbeta:\n")
    life.since()
    applied = await house.apply("alpha:\n  value: one\nbeta:\n  value: 7\n")
    assert life.since() == ["beta: unload 0", "beta: setup 7"]
    assert life.state("alpha") == "1/1"
    (problem,) = applied.problems
    assert str(problem).startswith("configuration.yaml:2: alpha > value: ")
    assert len(house.hub.issues) == 1
    await house.apply("alpha:\n  value: 2\nbeta:\n  value: 7\n")
    assert len(house.hub.issues) == 0


async def test_yaml_that_cannot_be_read_changes_nothing(life: Life, house: House) -> None:
    rejected: list[Event] = []
    house.hub.bus.listen("config_rejected", rejected.append)
    await house.start("alpha:\n  value: 1\n")
    life.since()
    applied = await house.apply("alpha:\n  value: [1\nbeta: }\n")
    assert applied.rejected
    assert life.since() == []
    assert life.state("alpha") == "1/1"
    assert len(rejected) == 1
    assert "configuration.yaml" in str(applied.problems[0])


async def test_what_was_applied_is_told_on_the_bus(life: Life, house: House) -> None:
    told: list[Event] = []
    house.hub.bus.listen("config_applied", told.append)
    await house.start("alpha:\n")
    await house.apply("alpha:\n  value: 1\nbeta:\nnonsense:\n")
    data = told[-1].data
    assert (data["added"], data["changed"], data["removed"]) == (["beta"], ["alpha"], [])
    assert data["problems"][0]["line"] == 4


async def test_an_edit_of_the_core_block_is_told_like_any_other(life: Life, house: House) -> None:
    told: list[Event] = []
    house.hub.bus.listen("config_applied", told.append)
    await house.start("alpha:\n")
    assert told[-1].data["changed"] == []
    await house.apply("nanobot:\n  language: de\nalpha:\n")
    assert told[-1].data["changed"] == ["nanobot"]
    await house.apply("nanobot:\n  language: de\nalpha:\n  value: 1\n")
    assert told[-1].data["changed"] == ["alpha"]


async def test_the_end_of_all_problems_is_told(life: Life, house: House, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    house.hub.bus.listen("config_applied", told.append)
    caplog.set_level("INFO", "nanobot.lifecycle.edits")
    await house.start("alpha:\n")
    for text in ("alpha:\nnonsense:\n", "alpha: [1\n", "alpha:\n", "alpha:\n"):
        await house.apply(text)
    assert [event.data["mended"] for event in told] == [False, False, True, False]
    assert caplog.messages.count("the configuration has no problems any more") == 1


async def test_edited_code_of_a_users_integration_is_loaded_anew(life: Life, house: House) -> None:
    await house.start("alpha:\nbeta:\n")
    beta = house.entry("beta")
    for version in range(2, 6):  # faster than the resolution of bytecode's time stamps
        write_part(house.config_dir, "alpha", PART.replace("CODE = 1", f"CODE = {version}"))
        await house.apply()
        assert life.state("alpha") == f"0/{version}"
    assert house.entry("beta") is beta


async def test_broken_code_leaves_the_old_code_running(life: Life, house: House) -> None:
    await house.start("alpha:\n")
    write_part(house.config_dir, "alpha", "async def setup(hub, entry)\n")
    applied = await house.apply()
    assert "integrations/alpha/__init__.py:1" in str(applied.problems[0])
    assert life.state("alpha") == "0/1"
    assert house.entry("alpha").state is EntryState.LOADED
    write_part(house.config_dir, "alpha", PART.replace("CODE = 1", "CODE = 2"))
    await house.apply()
    assert life.state("alpha") == "0/2"
    assert len(house.hub.issues) == 0


async def test_broken_code_of_several_instances_is_one_problem(life: Life, house: House) -> None:
    await house.start("alpha:\nalpha two:\n")
    write_part(house.config_dir, "alpha", "async def setup(hub, entry)\n")
    applied = await house.apply()
    assert len(applied.problems) == 1


async def test_code_whose_setup_fails_gives_way_to_the_old_code(life: Life, house: House) -> None:
    await house.start("alpha:\n")
    write_part(
        house.config_dir,
        "alpha",
        PART.replace("async def setup(hub, entry):", "async def setup(hub, entry):\n    raise OSError('no')"),
    )
    await house.apply()
    assert life.state("alpha") == "0/1"
    assert house.entry("alpha").state is EntryState.LOADED
    assert "alpha.edit_refused" in house.hub.issues


async def test_dependencies_are_loaded_and_set_up_first(life: Life, house: House) -> None:
    write_part(
        house.config_dir, "roof", PART, ', "dependencies": ["alpha"], "after_dependencies": ["gamma", "nowhere"]'
    )
    await house.start("roof:\ngamma:\n")
    steps = life.since()
    assert sorted(steps) == ["alpha: setup 0", "gamma: setup 0", "roof: setup 0"]
    assert steps[-1] == "roof: setup 0"
    await house.apply("gamma:\n")
    assert life.since() == ["roof: unload 0", "alpha: unload 0"]


async def test_a_request_during_an_apply_is_not_lost(life: Life, house: House) -> None:
    await house.start("alpha:\n")
    house.write("alpha:\n  value: 1\n")
    first = house.edits.request()
    await asyncio.sleep(0)
    house.write("alpha:\n  value: 2\n")
    second = house.edits.request()
    await asyncio.gather(first, second)
    assert life.state("alpha") == "2/1"


async def test_an_apply_started_by_the_entry_it_reloads_strands_nobody(life: Life, house: House) -> None:
    code = PART.replace(
        "async def unload",
        """    async def on_rang(event):
        answer = await hub.services.call("nanobot", "reload_all", return_response=True)
        hub.bus.fire("life", {"entry": entry.id, "step": "answered", "value": answer["applied"]})

    entry.listen("rang", on_rang)


async def unload""",
    )
    write_part(house.config_dir, "caller", code)
    await house.start("alpha:\ncaller:\n")
    life.since()
    house.write("alpha:\n  value: 1\ncaller:\n  value: 1\n")
    applied = asyncio.Event()
    house.hub.bus.listen("config_applied", lambda event: applied.set())
    house.hub.bus.fire("rang")
    async with asyncio.timeout(5):
        await applied.wait()
    assert life.state("caller") == "1/1"
    assert life.state("alpha") == "1/1"
    async with asyncio.timeout(5):
        await house.apply("alpha:\n  value: 2\ncaller:\n  value: 1\n")
    assert life.state("alpha") == "2/1"


async def test_unreadable_yaml_at_start_brings_up_the_last_good_configuration(life: Life, house: House) -> None:
    await house.start("alpha:\n  value: 3\n")
    await house.close()
    second = House(house.config_dir)
    await second.open()
    await second.start("alpha: [\n")
    try:
        state = second.hub.states.get("sensor.alpha")
        assert state is not None
        assert state.state == "3/1"
        why = second.hub.recovery
        assert why is not None
        assert "configuration.yaml:" in why
        assert "nanobot.recovery" in second.hub.issues
        await second.apply("alpha:\n  value: 4\n")
        assert second.hub.recovery is None
        assert "nanobot.recovery" not in second.hub.issues
        state = second.hub.states.get("sensor.alpha")
        assert state is not None
        assert state.state == "4/1"
    finally:
        await second.close()


async def test_reload_of_one_entry_restarts_it_alone(life: Life, house: House) -> None:
    await house.start("alpha:\ngamma:\n")
    life.since()
    await house.hub.services.call("nanobot", "reload", {"entry": "gamma"})
    assert life.since() == ["gamma: unload 0", "gamma: setup 0"]


async def test_what_is_stopped_stays_so_until_it_is_started(life: Life, house: House) -> None:
    await house.start("alpha:\ngamma:\n")
    life.since()
    call = house.hub.services.call
    await call("nanobot", "stop_entry", {"entry": "gamma"})
    assert house.entry("gamma").state is EntryState.STOPPED
    await call("nanobot", "stop_entry", {"entry": "gamma"})
    await call("nanobot", "reload_all", {})
    assert life.since() == ["gamma: unload 0"]
    await call("nanobot", "start_entry", {"entry": ["alpha", "gamma"]})
    await call("nanobot", "start_entry", {"entry": "gamma"})
    assert life.since() == ["gamma: setup 0"]
    assert house.entry("gamma").state is EntryState.LOADED


async def test_an_edit_starts_what_was_stopped(life: Life, house: House) -> None:
    await house.start("alpha:\n  value: 1\n")
    await house.hub.services.call("nanobot", "stop_entry", {"entry": "alpha"})
    life.since()
    await house.apply("alpha:\n  value: 2\n")
    assert life.since() == ["alpha: setup 2"]


async def test_stop_and_start_at_once_end_as_the_last_one_says(life: Life, house: House) -> None:
    await house.start("alpha:\n")
    call = house.hub.services.call
    for words, state in (
        (("stop_entry", "start_entry", "reload"), EntryState.LOADED),
        (("stop_entry", "reload", "stop_entry", "start_entry"), EntryState.LOADED),
        (("reload", "stop_entry"), EntryState.STOPPED),
    ):
        async with asyncio.TaskGroup() as group:
            for word in words:
                group.create_task(call("nanobot", word, {"entry": "alpha"}))
        assert house.entry("alpha").state is state, words


async def test_the_core_is_not_stopped_alone(house: House) -> None:
    await house.start("")
    with pytest.raises(InvalidServiceData, match="nanobot.stop stops all of it"):
        await house.hub.services.call("nanobot", "stop_entry", {"entry": "nanobot"})


async def test_a_key_that_can_be_no_folder_is_an_unknown_integration(life: Life, house: House) -> None:
    applied = await house.apply("alpha:\n" + "a" * 300 + ":\n")
    assert "no such integration" in str(applied.problems[0])
    assert house.entry("alpha").state is EntryState.LOADED


@pytest.mark.parametrize("busy", [0.03, 0.6])
async def test_a_save_that_empties_the_file_before_it_fills_it_unloads_nothing(
    life: Life, house: House, busy: float
) -> None:
    house.edits.rest = 0.05
    await house.start("alpha:\n  value: 1\nbeta:\n")
    beta = house.entry("beta")
    life.since()
    with (house.config_dir / "configuration.yaml").open("w") as file:
        applied = house.edits.request()
        await asyncio.sleep(busy)  # so long has the writer to wait for its turn
        file.write("alpha:\n  value: 2\nbeta:\n")
    await applied
    assert life.since() == ["alpha: unload 1", "alpha: setup 2"]
    assert house.entry("beta") is beta


async def test_customize_adds_attributes_and_an_edit_of_it_is_live(house: House) -> None:
    things = "input_boolean:\n  a: {name: A}\n  b: {name: B}\n"
    await house.start(
        "nanobot:\n  customize: {input_boolean.a: {friendly_name: Mine, extra: [1, 2]}}\n"
        "  customize_domain: {input_boolean: {kind: switch}}\n  customize_glob: {'*.b': {kind: lamp}}\n" + things
    )
    a, b = house.hub.states.get("input_boolean.a"), house.hub.states.get("input_boolean.b")
    assert a is not None
    assert b is not None
    assert (a.attributes["friendly_name"], a.attributes["extra"], a.attributes["kind"]) == ("Mine", [1, 2], "switch")
    assert (b.attributes["friendly_name"], b.attributes["kind"]) == ("B", "lamp")
    await house.apply("homeassistant:\n  customize: {input_boolean.b: {friendly_name: Bee}}\n" + things)
    a, b = house.hub.states.get("input_boolean.a"), house.hub.states.get("input_boolean.b")
    assert a is not None
    assert b is not None
    assert a.attributes["friendly_name"] == "A"
    assert "kind" not in a.attributes
    assert b.attributes["friendly_name"] == "Bee"


async def test_a_stop_in_the_midst_of_an_apply_leaves_nothing_behind(life: Life, house: House) -> None:
    slow = PART.replace(
        "async def setup(hub, entry):", "async def setup(hub, entry):\n    import asyncio\n    await asyncio.sleep(5)"
    )
    write_part(house.config_dir, "slow", slow)
    await house.start("alpha:\n")
    house.write("alpha:\n  value: 1\nslow:\n")
    applied = house.edits.request()
    async with asyncio.timeout(4):
        while "slow" not in house.hub.entries:
            await asyncio.sleep(0.01)
        await house.close()
    with pytest.raises(NanobotError, match="nanobot is stopping"):
        await applied
    with pytest.raises(NanobotError, match="nanobot is stopping"):
        await house.edits.request()
    assert life.state("alpha") is None
    assert "sensor.slow" not in house.hub.states
