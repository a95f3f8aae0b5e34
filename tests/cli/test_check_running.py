"""``nanobot check`` while the hub runs on the same folder."""

from __future__ import annotations

from tests.cli.conftest import Nanobot

CONFIG = """\
console:
automation:
  - alias: A
    triggers: {trigger: state, entity_id: sensor.nobody}
    actions: {action: nanobot.check_config}
"""


def test_the_check_asks_the_hub_what_there_is(nanobot: Nanobot) -> None:
    nanobot.write(CONFIG)
    assert "No problems" in nanobot("check").stdout
    nanobot.start()
    done = nanobot("check")
    assert "there is no entity 'sensor.nobody'" in done.stdout
    assert done.returncode == 0
    assert nanobot("check", "--strict").returncode == 1
