"""hassapi, run by ``test_python.py`` in an environment of its own: ``URL`` and ``TOKEN`` say where."""

from __future__ import annotations

import os

from hassapi import Hass

home = Hass(hassurl=os.environ["URL"], token=os.environ["TOKEN"])
assert home.get_state("input_boolean.lamp").attributes["friendly_name"] == "Lamp"
assert home.get_state("input_boolean.lamp").last_updated.tzinfo is not None
home.turn_off("input_boolean.lamp")
assert home.turn_on("input_boolean.lamp")[0].state == "on"
home.toggle("input_boolean.lamp")
assert home.get_state("input_boolean.lamp").state == "off"
assert home.set_state("sensor.shelf", state="4", attributes={"of": "books"}).state == "4"
assert "sensor.shelf" in {state.entity_id for state in home.get_states()}
assert "counter" in {service.domain for service in home.get_services()}
assert "cup" in {event.event for event in home.get_events()}
assert home.fire_event("read") == "Event read fired."
assert str(home.render_template("{{ states('sensor.shelf') }}")) == "4"  # it reads every answer as JSON
home.run_script("ask")
