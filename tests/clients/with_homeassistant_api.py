"""homeassistant-api, run by ``test_python.py`` in an environment of its own: ``URL`` and ``TOKEN`` say where."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from homeassistant_api import Client, WebsocketClient
from homeassistant_api.errors import BadTemplateError, EndpointNotFoundError
from homeassistant_api.models.states import State

url, token = os.environ["URL"], os.environ["TOKEN"]


def rest() -> None:
    """What it offers over REST; its models validate strictly."""
    with Client(f"{url}/api", token) as client:
        assert client.check_api_running()
        assert client.check_api_config()
        assert client.get_config()["location_name"] == "Test House"
        assert "counter" in client.get_components()
        assert "lamp" in client.get_entities()["input_boolean"].entities
        assert client.get_state(entity_id="input_boolean.lamp").state in ("on", "off")
        written = client.set_state(State(entity_id="sensor.desk", state="21", attributes={"unit_of_measurement": "°C"}))
        assert written.state == "21"
        assert {event.event for event in client.get_events()} >= {"cup"}
        assert client.fire_event("poured", size=2) == "Event poured fired."
        assert client.get_rendered_template("{{ states('sensor.desk') }}") == "21"
        services = client.get_domain("input_boolean")
        assert services is not None
        changed = services.turn_on(entity_id="input_boolean.lamp")
        assert [state.entity_id for state in changed] in ([], ["input_boolean.lamp"])
        _, response = client.trigger_service_with_response("script", "ask")
        assert response == {"number": 42}
        lamp = client.get_entity(entity_id="input_boolean.lamp")
        assert lamp is not None
        since = datetime.now(UTC) - timedelta(hours=1)
        for history in client.get_entity_histories((lamp,), start_timestamp=since):
            assert history.entity_id == "input_boolean.lamp"
        assert all(entry.when for entry in client.get_logbook_entries(start_timestamp=since))
        assert client.get_error_log()
        try:
            client.get_rendered_template("{{ ")
        except BadTemplateError:
            pass
        else:
            raise AssertionError("a broken template was rendered")
        try:
            client.get_state(entity_id="sensor.none")
        except EndpointNotFoundError:
            pass
        else:
            raise AssertionError("a missing entity has a state")


def socket() -> None:
    """What it offers over the WebSocket."""
    with WebsocketClient(f"{url.replace('http', 'ws')}/api/websocket", token) as client:
        assert client.ping_latency() >= 0
        assert client.get_config()["state"] == "RUNNING"
        assert any(state.entity_id == "input_boolean.lamp" for state in client.get_states())
        assert client.get_domain("counter") is not None
        assert client.get_rendered_template("{{ 1 + 1 }}") == "2"
        client.trigger_service("input_boolean", "turn_off", entity_id="input_boolean.lamp")
        assert client.trigger_service_with_response("script", "ask") == {"number": 42}
        with client.listen_events("poured") as events:
            client.fire_event("poured", size=3)
            assert next(events).data == {"size": 3}
        with client.listen_trigger("state", entity_id="input_boolean.lamp", to="on") as told:
            client.trigger_service("homeassistant", "turn_on", entity_id="input_boolean.lamp")
            assert next(told)["trigger"]["to_state"]["state"] == "on"
        assert {entry.domain for entry in client.get_config_entries()} >= {"http", "counter"}
        assert "counter.cups" in {entry.entity_id for entry in client.list_entity_registry()}
        assert client.get_entity_registry_entry("counter.cups").platform == "counter"


rest()
socket()
