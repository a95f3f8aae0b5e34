"""What a running hub keeps when a part of its configuration breaks."""

from __future__ import annotations

from nanobot.testing.plugin import House


def states(house: House) -> dict[str, str]:
    return {state.entity_id: state.attributes.get("friendly_name", "") for state in house.hub.states.all("timer")}


async def test_an_included_file_that_breaks_leaves_its_things_running(house: House) -> None:
    house.write("tea: {name: Tea}\n", "timers.yaml")
    await house.start("timer: !include timers.yaml\n")
    assert states(house) == {"timer.tea": "Tea"}
    applied = await house.apply("tea: [\n", "timers.yaml")
    (problem,) = applied.problems
    assert (problem.file, problem.line, problem.key) == ("timers.yaml", 1, "yaml_flow")
    assert problem.sentence().endswith("; its last good version stays in use")
    assert states(house) == {"timer.tea": "Tea"}
    await house.apply("tea: {name: Green tea}\n", "timers.yaml")
    assert states(house) == {"timer.tea": "Green tea"}
    assert not [issue for issue in house.hub.issues if issue.id.startswith("config.")]


async def test_a_package_that_breaks_takes_nothing_away(house: House) -> None:
    house.write("timer: {tea: }\ncounter: {visits: }\n", "packages/kitchen.yaml")
    await house.start("nanobot: {packages: !include_dir_named packages}\ntimer: {egg: }\n")
    before = house.entry("counter")
    await house.apply("timer: {tea: }\ncounter: {\n", "packages/kitchen.yaml")
    assert house.entry("counter") is before
    assert set(states(house)) == {"timer.tea", "timer.egg"}


async def test_a_bad_item_runs_on_as_it_was_while_the_others_change(house: House) -> None:
    await house.start("timer: {tea: {name: Tea}, egg: {name: Egg}}\n")
    applied = await house.apply("timer: {tea: {name: [x]}, egg: {name: Boiled egg}, rice: {nam: x}}\n")
    assert states(house) == {"timer.tea": "Tea", "timer.egg": "Boiled egg"}
    assert [problem.where() for problem in applied.problems] == ["timer > tea > name", "timer > rice > nam"]


async def test_a_lost_secret_keeps_only_its_own_key_as_it_was(house: House) -> None:
    house.write("name: Tea\n", "secrets.yaml")
    await house.start("timer: {tea: {name: !secret name}}\ncounter: {visits: {name: A}}\n")
    await house.apply("timer: {tea: {name: !secret nam}}\ncounter: {visits: {name: B}}\n")
    assert states(house) == {"timer.tea": "Tea"}
    visits = house.hub.states.get("counter.visits")
    assert visits is not None
    assert visits.attributes["friendly_name"] == "B"
